"""ordersaga: e-commerce orders as a saga on Temporal."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ordersaga.domain.audit_log import AuditFilter, AuditItem, OrderNote
    from ordersaga.domain.errors import (
        DecisionRefused,
        InvalidCursor,
        InvalidOrder,
        InvalidRequest,
        OrderConflict,
        OrderNotFound,
        OrdersagaError,
        ServiceUnavailable,
        SettingsError,
        TemporalBusy,
        TemporalUnavailable,
        Unavailable,
        VerdictPending,
        WorkerUnavailable,
    )
    from ordersaga.domain.money import Money
    from ordersaga.domain.order import Address, OrderInput, OrderItem, OrderPolicy, parse_order
    from ordersaga.domain.result import (
        CancelAnswer,
        OrderFilter,
        OrderPage,
        OrderResult,
        OrderStatus,
        OrderSummary,
        OrderView,
        PlacedOrder,
    )
    from ordersaga.domain.worklist import OrderDecision, WorklistItem
    from ordersaga.orders.client import OrderClient
    from ordersaga.settings import Settings

__all__ = [
    "Address",
    "AuditFilter",
    "AuditItem",
    "CancelAnswer",
    "DecisionRefused",
    "InvalidCursor",
    "InvalidOrder",
    "InvalidRequest",
    "Money",
    "OrderClient",
    "OrderConflict",
    "OrderDecision",
    "OrderFilter",
    "OrderInput",
    "OrderItem",
    "OrderNotFound",
    "OrderNote",
    "OrderPage",
    "OrderPolicy",
    "OrderResult",
    "OrderStatus",
    "OrderSummary",
    "OrderView",
    "OrdersagaError",
    "PlacedOrder",
    "ServiceUnavailable",
    "Settings",
    "SettingsError",
    "TemporalBusy",
    "TemporalUnavailable",
    "Unavailable",
    "VerdictPending",
    "WorkerUnavailable",
    "WorklistItem",
    "parse_order",
]

_HOMES = {
    "ordersaga.domain.audit_log": (
        "AuditFilter",
        "AuditItem",
        "OrderNote",
    ),
    "ordersaga.domain.errors": (
        "DecisionRefused",
        "InvalidCursor",
        "InvalidOrder",
        "InvalidRequest",
        "OrderConflict",
        "OrderNotFound",
        "OrdersagaError",
        "ServiceUnavailable",
        "SettingsError",
        "TemporalBusy",
        "TemporalUnavailable",
        "Unavailable",
        "VerdictPending",
        "WorkerUnavailable",
    ),
    "ordersaga.domain.money": ("Money",),
    "ordersaga.domain.order": (
        "Address",
        "OrderInput",
        "OrderItem",
        "OrderPolicy",
        "parse_order",
    ),
    "ordersaga.domain.result": (
        "CancelAnswer",
        "OrderFilter",
        "OrderPage",
        "OrderResult",
        "OrderStatus",
        "OrderSummary",
        "OrderView",
        "PlacedOrder",
    ),
    "ordersaga.domain.worklist": (
        "OrderDecision",
        "WorklistItem",
    ),
    "ordersaga.orders.client": ("OrderClient",),
    "ordersaga.settings": ("Settings",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name when it is first used, so that what needs no Temporal does not load it."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
