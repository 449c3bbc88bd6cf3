"""Reads orders for many who ask: one read at a time for each question, the last answer in bad times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import aiohttp

from ordersaga.domain.audit_log import AuditFilter, AuditPage
from ordersaga.domain.errors import Unavailable
from ordersaga.domain.result import OrderFilter, OrderPage
from ordersaga.domain.worklist import WorklistItem
from ordersaga.orders.client import OrderClient
from ordersaga.orders.reading import OrderDetails, OrderReader
from ordersaga.orders.register.notes import audit_page
from ordersaga.orders.service_clients.http import open_session
from ordersaga.orders.worklist import WITHOUT_WEDGED, registered_items, together, wedged_items
from ordersaga.web.reads.cache import ReadCache, Snapshot
from ordersaga.web.reads.health import Health, check_health

T = TypeVar("T")

_LIST = "orders"
_AUDIT = "audit"
_WORKLIST = ("worklist",)
_WEDGED = ("wedged",)
_HEALTH = ("health",)
_KEPT = 500


class Overview:
    """What is known of orders. Safe to share; use within one event loop, and close it."""

    def __init__(self, client: OrderClient) -> None:
        self.client = client
        self.stopping = asyncio.Event()
        """Set when the server stops: what watches an order ends then."""
        self._memory = ReadCache(keep=_KEPT)
        self._orders = OrderReader(client.temporal, client.register)
        self._session: aiohttp.ClientSession | None = None

    async def orders(self, wanted: OrderFilter, cursor: str | None = None, limit: int = 50) -> Snapshot[OrderPage]:
        """A page of the list of orders, newest first. Raises InvalidCursor, InvalidRequest, Unavailable."""
        return await self._memory.get(
            (_LIST, wanted, cursor, limit), lambda: self.client.list_page(wanted, cursor, limit)
        )

    async def order(self, order_id: str) -> Snapshot[OrderDetails]:
        """The details of an order. Raises OrderNotFound, Unavailable."""
        return await self._memory.get(("order", order_id), lambda: self._details(order_id))

    async def worklist(self) -> Snapshot[list[WorklistItem]]:
        """What waits for a person, what has waited longest first. Raises Unavailable.

        While Temporal does not answer, the runs that are wedged are those that were so when it last did.
        """
        registered = await self._memory.get(_WORKLIST, lambda: registered_items(self.client.register))
        try:
            wedged = await self._memory.get(_WEDGED, lambda: wedged_items(self.client.temporal))
        except Unavailable as error:
            return replace(registered, problem=registered.problem or f"{WITHOUT_WEDGED} {error}")
        items = together(registered.value, wedged.value)
        return Snapshot(items, min(registered.at, wedged.at), registered.problem or wedged.problem)

    async def audit(self, wanted: AuditFilter, cursor: str | None = None, limit: int = 50) -> Snapshot[AuditPage]:
        """What people did, newest first. Raises InvalidCursor, Unavailable."""
        return await self._memory.get(
            (_AUDIT, wanted, cursor, limit), lambda: audit_page(self.client.register, wanted, cursor, limit)
        )

    async def health(self) -> Snapshot[Health]:
        """Whether what orders need answers. Raises nothing."""
        return await self._memory.get(_HEALTH, self._health)

    async def watch(
        self, read: Callable[[], Awaitable[Snapshot[T]]], ends: Callable[[T], bool] = lambda _: False
    ) -> AsyncIterator[Snapshot[T]]:
        """What `read` gives, at once and then whenever it has changed, until `ends` says so or the server stops."""
        shown: tuple[T, str | None] | None = None
        while not self.stopping.is_set():
            known = await read()
            if (known.value, known.problem) != shown:
                shown = (known.value, known.problem)
                yield known
            if known.fresh and ends(known.value):
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(self._memory.max_age):
                    await self.stopping.wait()

    def changed(self, order_id: str) -> None:
        """An order has just been placed or changed from here: read it anew."""
        for key in (("order", order_id), _WORKLIST, _WEDGED):
            self._memory.forget(key)
        self._memory.forget_all(lambda key: key[0] in (_LIST, _AUDIT))

    async def close(self) -> None:
        """End what is being read."""
        self.stopping.set()
        await self._memory.close()
        if self._session is not None:
            await self._session.close()

    # -- reading

    async def _health(self) -> Health:
        if self._session is None:
            self._session = open_session()
        settings = self.client.settings
        return await check_health(self.client.temporal, settings.task_queue, settings.service_urls(), self._session)

    async def _details(self, order_id: str) -> OrderDetails:
        before = self._memory.last(("order", order_id))
        return await self._orders.details(order_id, before.value if before else None)
