"""Reads the register's orders and the services' records for the checker.

Everything may change while it is read. So an order counts as ended only if it had ended before the services were read.
A SKU is checked only with reservations that were read while its stock did not change.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

from temporalio.service import RPCError, RPCStatusCode

from ordersaga.audit.decisions import sent_by_people
from ordersaga.audit.effects import Effects, Entry, live
from ordersaga.audit.rules import OrderRecord, Violation
from ordersaga.audit.stock import stock_violations
from ordersaga.contracts.inventory import ReservationEntry, StockItem
from ordersaga.contracts.register import OrderRecord as RegisterRecord
from ordersaga.domain.result import DecisionEntry, OrderStatus, OrderSummary
from ordersaga.orders import executions
from ordersaga.orders.client import OrderClient
from ordersaga.orders.register.orders import order_of_record, result_of, summary_of
from ordersaga.orders.service_clients import Services
from ordersaga.orders.workflows.ids import workflow_id

AT_ONCE = 50
"""The maximum number of concurrent calls."""

STOCK_TRIES = 6
STOCK_PAUSE = 0.2

_CONFIRMATION, _GAVE_UP = "send_confirmation", "gave_up"
_OUTSIDE = ("done_by_hand", "write_off")
_KINDS = {
    "reserve_inventory": "reservation",
    "charge_payment": "payment",
    "create_shipment": "shipment",
    "send_confirmation": "email",
}

K = TypeVar("K")
V = TypeVar("V")


class ServiceBooks:
    """The records of inventory, payment, shipping and notification."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def entries(self, **filters: str) -> list[Entry]:
        """All entries, or those of one order_id. Raises ServiceUnavailable."""
        reservations, payments, shipments, mails = await asyncio.gather(
            _all(self._services.inventory.reservations(**filters)),
            _all(self._services.payment.payments(**filters)),
            _all(self._services.shipping.shipments(**filters)),
            _all(self._services.notification.notifications(**filters)),
        )
        return [*reservations, *payments, *shipments, *mails]

    async def stock_violations(self) -> tuple[list[Violation], list[str]]:
        """The rules that SKUs break, and the SKUs whose stock never stayed unchanged for long enough.

        A suspicious SKU is read again. It counts if the problem is the same twice, each time with unchanged stock.
        """
        known: set[Violation] = set()
        for attempt in range(STOCK_TRIES):
            await asyncio.sleep(STOCK_PAUSE if attempt else 0)
            suspects, unmoved = await self._suspects()
            certain = [violation for violation in suspects if violation in known and violation.sku in unmoved]
            if len(certain) == len(suspects):
                return certain, []
            known = {violation for violation in suspects if violation.sku in unmoved}
        return certain, sorted({violation.sku or "" for violation in suspects if violation not in certain})

    async def _suspects(self) -> tuple[list[Violation], set[str]]:
        before = {item.sku: item for item in await _all(self._services.inventory.stock())}
        reservations: list[ReservationEntry] = await _all(self._services.inventory.reservations())
        after: list[StockItem] = await _all(self._services.inventory.stock())
        suspects = stock_violations(after, reservations)
        moved = {item.sku for item in after if before.get(item.sku) != item}
        return suspects, {violation.sku or "" for violation in suspects} - moved


class KnownOrders:
    """The orders that the register has and, for those that have not ended, Temporal's data."""

    def __init__(self, client: OrderClient) -> None:
        self._client = client

    async def listed(self) -> dict[str, OrderSummary]:
        """All orders. Those that have not ended are looked up in Temporal, because their run may have been cut off."""
        found = {order.order_id: order async for order in self._client.list_orders()}
        return found | await self.looked_up(name for name, order in found.items() if order.closed_at is None)

    async def looked_up(self, order_ids: Iterable[str]) -> dict[str, OrderSummary]:
        """The current state of those of these orders that the register knows."""
        answers = await _for_each(order_ids, self._look_up)
        return {order_id: order for order_id, order in answers.items() if order is not None}

    async def record(self, order: OrderSummary, effects: Effects) -> OrderRecord:
        """What to check for an order that has ended, with its content if that is needed."""
        completed = order.status is OrderStatus.COMPLETED
        needed = completed or any(live(entry) for entry in effects)
        known = await self._client.register.find(order.order_id) if needed else None
        asked_for = order_of_record(known) if known else None
        return OrderRecord(
            order_id=order.order_id,
            status=order.status,
            total=asked_for.total if asked_for else None,
            pieces=asked_for.pieces if asked_for else None,
            without_mail=completed and not any(live(mail) for mail in effects.mails) and _gave_up_mail(known),
            by_person=await self._by_person(order, known, effects),
        )

    async def _look_up(self, order_id: str) -> OrderSummary | None:
        record = await self._client.register.find(order_id)
        if record is None:
            return None
        temporal = self._client.temporal
        try:
            description = await temporal.get_workflow_handle(workflow_id(order_id)).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return summary_of(record)
            raise
        if record.ending is None and description.close_time is not None:
            return await executions.summary(temporal, description)
        return summary_of(record)

    async def _by_person(self, order: OrderSummary, known: RegisterRecord | None, effects: Effects) -> frozenset[str]:
        """The kinds of effects on which a person has decided. Read only if the records are not as expected."""
        goods: list[Entry] = [*effects.reservations, *effects.payments, *effects.shipments]
        completed = order.status is OrderStatus.COMPLETED
        as_expected = all(map(live, goods)) if completed else not any(map(live, [*goods, *effects.mails]))
        result = result_of(known) if known else None
        if as_expected or result is None:
            return frozenset()
        # A run that was reset may not know a decision that the register has kept and that took effect.
        kept = [DecisionEntry.model_validate(each.model_dump()) for each in known.decisions] if known else []
        decisions = await sent_by_people(self._client.temporal, order.order_id, [*result.decisions, *kept])
        return frozenset(_KINDS[entry.step] for entry in decisions if entry.choice in _OUTSIDE)


def _gave_up_mail(known: RegisterRecord | None) -> bool:
    result = result_of(known) if known else None
    steps = result.steps if result else []
    return any(step.name == _CONFIRMATION and step.state == _GAVE_UP for step in steps)


async def records_of(
    orders: KnownOrders, ended: dict[str, OrderSummary], effects: dict[str, Effects]
) -> dict[str, OrderRecord]:
    """What to check for the orders that have ended."""
    none = Effects()
    return await _for_each(ended, lambda order_id: orders.record(ended[order_id], effects.get(order_id, none)))


async def _all(rows: AsyncIterator[V]) -> list[V]:
    return [row async for row in rows]


async def _for_each(keys: Iterable[K], ask: Callable[[K], Awaitable[V]]) -> dict[K, V]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(key: K) -> V:
        async with gate:
            return await ask(key)

    asked = list(keys)
    return dict(zip(asked, await asyncio.gather(*map(one, asked)), strict=True))
