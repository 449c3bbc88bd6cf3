"""ordersaga: e-commerce orders as a saga on Temporal."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ordersaga.domain.errors import InvalidOrder, OrderConflict, OrderNotFound, OrdersagaError
    from ordersaga.domain.money import Money
    from ordersaga.domain.order import Address, OrderInput, OrderItem, OrderPolicy, parse_order
    from ordersaga.domain.result import OrderResult, OrderStatus
    from ordersaga.orders.client import OrderClient

__all__ = [
    "Address",
    "InvalidOrder",
    "Money",
    "OrderClient",
    "OrderConflict",
    "OrderInput",
    "OrderItem",
    "OrderNotFound",
    "OrderPolicy",
    "OrderResult",
    "OrderStatus",
    "OrdersagaError",
    "parse_order",
]

_HOMES = {
    "OrderClient": "ordersaga.orders.client",
    "InvalidOrder": "ordersaga.domain.errors",
    "OrderConflict": "ordersaga.domain.errors",
    "OrderNotFound": "ordersaga.domain.errors",
    "OrdersagaError": "ordersaga.domain.errors",
    "Money": "ordersaga.domain.money",
    "OrderResult": "ordersaga.domain.result",
    "OrderStatus": "ordersaga.domain.result",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first used, so that what needs no Temporal does not load it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "ordersaga.domain.order")), name)
