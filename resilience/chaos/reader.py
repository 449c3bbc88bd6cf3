"""The reader: reads orders on every surface during the campaign. An end that it has read must not change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress

from ordersaga.domain.errors import OrderNotFound
from ordersaga.domain.result import OrderFilter, OrderStatus
from resilience.chaos.customers import RETRIED, Customer
from resilience.chaos.environment import ChaosEnvironment
from resilience.chaos.event_log import EventLog

EVERY = 0.5
"""Seconds between two rounds."""
READ_SECONDS = 5.0
"""The timeout of a read, so that a part that is down does not keep the reader from the others."""
RECENT = 40
"""How many of the newest orders each round lists."""
AT_ONCE = 4
"""How many orders each round reads one by one."""


class Reader:
    """Remembers the first end that it has read for each order, and where."""

    def __init__(self, customers: Sequence[Customer], env: ChaosEnvironment, event_log: EventLog) -> None:
        self.rounds = 0
        self._customers = {customer.record.order_id: customer for customer in customers}
        self._env, self._event_log = env, event_log
        self._read: dict[str, tuple[OrderStatus, str]] = {}
        self._turn = 0

    async def run(self) -> None:
        """Read in rounds."""
        while True:
            await asyncio.sleep(EVERY)
            await self.read_round()

    async def read_round(self) -> None:
        """Read the newest orders in the list, and some of the placed orders one by one."""
        self.rounds += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(READ_SECONDS):
                async for order_id, status in self._listed():
                    self._compare(order_id, status, "the list")
        for order_id in self._next():
            for surface, ask in self._surfaces(order_id).items():
                if (read := await self._ask(ask)) is not None:
                    self._compare(order_id, read, surface)

    def _next(self) -> list[str]:
        placed = [name for name, customer in self._customers.items() if customer.record.placed_at is not None]
        first, self._turn = self._turn, self._turn + AT_ONCE
        return [placed[(first + number) % len(placed)] for number in range(min(AT_ONCE, len(placed)))]

    def _surfaces(self, order_id: str) -> dict[str, Callable[[], Awaitable[OrderStatus]]]:
        orders = self._env.orders

        async def summary() -> OrderStatus:
            return (await orders.get_summary(order_id)).status

        async def view() -> OrderStatus:
            return (await orders.get_order(order_id)).status

        async def register() -> OrderStatus:
            record = await orders.register.find(order_id)
            return record.status if record else OrderStatus.PENDING

        return {
            "its status": lambda: orders.get_order_status(order_id),
            "its summary": summary,
            "its view": view,
            "the register": register,
        }

    async def _listed(self) -> AsyncIterator[tuple[str, OrderStatus]]:
        try:
            page = await self._env.orders.list_page(OrderFilter(), limit=RECENT)
        except RETRIED as error:
            self._event_log.record_error(error, "the reader")
            return
        for order in page.items:
            yield order.order_id, order.status

    async def _ask(self, ask: Callable[[], Awaitable[OrderStatus]]) -> OrderStatus | None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await ask()
        except (*RETRIED, OrderNotFound, TimeoutError) as error:
            self._event_log.record_error(error, "the reader")
            return None

    def _compare(self, order_id: str, status: OrderStatus, surface: str) -> None:
        customer = self._customers.get(order_id)
        if customer is None or not status.is_end:
            return
        before, where = self._read.setdefault(order_id, (status, surface))
        if before is not status:
            difference = f"it was read as {before} ({where}), and later as {status} ({surface})"
            if difference not in customer.record.unexpected_errors:
                customer.record.unexpected_errors.append(difference)
