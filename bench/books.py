"""Checks that every order has had each of its effects exactly once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ordersaga.audit.effects import Effects, Entry, by_order, live
from ordersaga.audit.reading import ServiceBooks
from ordersaga.contracts.inventory import ReservationEntry, count_pieces
from ordersaga.contracts.shipping import ShipmentEntry
from ordersaga.domain.money import Money
from ordersaga.domain.order import OrderInput
from ordersaga.orders.service_clients import Services


async def problems(urls: Mapping[str, str], orders: Mapping[str, OrderInput]) -> list[str]:
    """What is wrong in the services' records, if exactly these orders were placed and all have completed."""
    async with Services.open(urls) as clients:
        services = ServiceBooks(clients)
        effects = by_order(await services.entries())
        violations, unsettled = await services.stock_violations()
    found: list[str] = []
    for order_id, order in orders.items():
        found += problems_of(order, effects.pop(order_id, Effects()))
    found += [f"{order_id} was never placed" for order_id in effects]
    return [
        *found,
        *(violation.detail for violation in violations),
        *(f"the stock of {sku} kept changing" for sku in unsettled),
    ]


def problems_of(order: OrderInput, effects: Effects) -> Iterator[str]:
    """What is wrong with a completed order's effects."""
    kinds: dict[str, Sequence[Entry]] = {
        "reservations": effects.reservations,
        "payments": effects.payments,
        "shipments": effects.shipments,
        "mails": effects.mails,
    }
    for kind, entries in kinds.items():
        alive = [entry for entry in entries if live(entry)]
        if len(alive) != 1:
            yield f"{order.order_id} has {len(alive)} {kind}"
    for payment in effects.payments:
        if Money.parse(payment.amount, payment.currency) != order.total:
            yield f"{order.order_id} paid {payment.amount} {payment.currency} instead of {order.total}"
    goods: list[ReservationEntry | ShipmentEntry] = [*effects.reservations, *effects.shipments]
    for entry in goods:
        if count_pieces(entry.items) != order.pieces:
            yield f"{order.order_id}: its goods are not the ordered ones"
