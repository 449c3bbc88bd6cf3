"""Do the books balance? Compares what the register says about orders with the services' own records.

The checker does not rely on the workflow's memory. It reads the services over HTTP, and of each order only its content
and how it ended. docs/explanation/books.md explains the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from temporalio.service import RPCError

from ordersaga.audit.agreement import disagreements
from ordersaga.audit.effects import Effects, by_order, captured_and_refunded, format_sum
from ordersaga.audit.reading import KnownOrders, ServiceBooks, records_of
from ordersaga.audit.rules import OrderRecord, Rule, Violation, order_violations, shipped_by_currency
from ordersaga.domain.errors import TemporalUnavailable
from ordersaga.domain.result import OrderStatus, OrderSummary
from ordersaga.orders.client import OrderClient
from ordersaga.orders.service_clients import Services

__all__ = ["Books", "Rule", "Sums", "Violation", "check_books"]


@dataclass(frozen=True)
class Sums:
    """The money of one currency, over all orders that are not running, as decimal strings."""

    captured: str
    refunded: str
    shipped: str
    """The value of the live shipments. If the books balance, it equals captured less refunded."""


@dataclass(frozen=True)
class Books:
    """The result of a check. `orders` counts the ended orders by status; `open` is the number of running orders."""

    violations: list[Violation]
    orders: dict[str, int]
    open: int
    money: dict[str, Sums] = field(default_factory=dict)
    unsettled: list[str] = field(default_factory=list)
    """SKUs whose stock changed during each read, so that they could not be checked. Check again when there is less
    traffic."""

    @property
    def balanced(self) -> bool:
        """Whether no rule is broken."""
        return not self.violations

    def to_json(self) -> dict[str, Any]:
        """The result as JSON: at least `balanced` and `violations`."""
        return {"balanced": self.balanced} | asdict(self)


async def check_books(client: OrderClient) -> Books:
    """Check the services' records against the register, and the register against Temporal.

    The client's settings name the services.

    Orders may run meanwhile. Raises ServiceUnavailable and TemporalUnavailable; then there is no result.
    """
    async with Services.open(client.settings.service_urls()) as services:
        try:
            books = await _check(KnownOrders(client), ServiceBooks(services))
            return replace(books, violations=[*books.violations, *await disagreements(client)])
        except RPCError as error:
            raise TemporalUnavailable(
                f"The orders cannot be read from Temporal: {error}. Nothing was changed or checked."
            ) from None


async def _check(known: KnownOrders, services: ServiceBooks) -> Books:
    listed = await known.listed()
    effects = by_order(await services.entries())
    # An order that ended or came in after the list was read must be read again before it can be checked.
    late = await known.looked_up(effects.keys() - listed.keys())
    for order_id, order in late.items():
        if order.closed_at is not None:
            effects[order_id] = by_order(await services.entries(order_id=order_id)).get(order_id, Effects())
    orders = listed | late
    records = {order_id: _open(order) for order_id, order in orders.items() if order.closed_at is None}
    records |= await records_of(known, {name: orders[name] for name in orders.keys() - records.keys()}, effects)
    violations, unsettled = await services.stock_violations()
    return sum_up(records, effects, violations, unsettled)


def _open(order: OrderSummary) -> OrderRecord:
    return OrderRecord(order.order_id, order.status, open=True)


def sum_up(
    records: dict[str, OrderRecord],
    effects: dict[str, Effects],
    stock: Iterable[Violation] = (),
    unsettled: Iterable[str] = (),
) -> Books:
    """Check every order that the register or a service knows, and count."""
    violations = []
    for order_id in sorted(records.keys() | effects.keys()):
        violations += order_violations(order_id, records.get(order_id), effects.get(order_id, Effects()))
    ended = Counter(_name(record) for record in records.values() if not record.open)
    return Books(
        violations=[*violations, *stock],
        orders=dict(sorted(ended.items())),
        open=sum(record.open for record in records.values()),
        money=_sums(records, effects),
        unsettled=list(unsettled),
    )


def _name(record: OrderRecord) -> str:
    return "cut_off" if record.status is OrderStatus.NEEDS_ATTENTION else record.status.value


def _sums(records: dict[str, OrderRecord], effects: dict[str, Effects]) -> dict[str, Sums]:
    captured, refunded, shipped = Counter[str](), Counter[str](), Counter[str]()
    for order_id, known in effects.items():
        record = records.get(order_id)
        if record is not None and record.open:
            continue
        for payment in known.payments:
            try:
                took, gave_back = captured_and_refunded(payment)
            except ValueError:  # reported as its own violation
                continue
            captured[payment.currency] += took
            refunded[payment.currency] += gave_back
        if record is not None:
            shipped.update(shipped_by_currency(record, known))
    return {
        currency: Sums(*(format_sum(figures[currency], currency) for figures in (captured, refunded, shipped)))
        for currency in sorted(captured.keys() | shipped.keys())
    }
