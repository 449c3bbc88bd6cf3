"""Reads orders through a cache: concurrent callers share a read, and get the last known data during an outage."""

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


class Reads:
    """Cached reads of orders, lists and health. Safe to share; use within one event loop, and close it."""

    def __init__(self, client: OrderClient) -> None:
        self.client = client
        self.stopping = asyncio.Event()
        """Set when the server stops. Watches of orders end then."""
        self._cache = ReadCache(keep=_KEPT)
        self._orders = OrderReader(client.temporal, client.register)
        self._session: aiohttp.ClientSession | None = None

    async def orders(self, wanted: OrderFilter, cursor: str | None = None, limit: int = 50) -> Snapshot[OrderPage]:
        """A page of the list of orders, newest first. Raises InvalidCursor, InvalidRequest, Unavailable."""
        return await self._cache.get(
            (_LIST, wanted, cursor, limit), lambda: self.client.list_page(wanted, cursor, limit)
        )

    async def order(self, order_id: str) -> Snapshot[OrderDetails]:
        """The details of an order. Raises OrderNotFound, Unavailable."""
        return await self._cache.get(("order", order_id), lambda: self._details(order_id))

    async def worklist(self) -> Snapshot[list[WorklistItem]]:
        """The worklist, longest wait first. Raises Unavailable.

        While Temporal is not responding, it includes the wedged runs that were last known.
        """
        registered = await self._cache.get(_WORKLIST, lambda: registered_items(self.client.register))
        try:
            wedged = await self._cache.get(_WEDGED, lambda: wedged_items(self.client.temporal))
        except Unavailable as error:
            return replace(registered, problem=registered.problem or f"{WITHOUT_WEDGED} {error}")
        items = together(registered.value, wedged.value)
        return Snapshot(items, min(registered.at, wedged.at), registered.problem or wedged.problem)

    async def audit(self, wanted: AuditFilter, cursor: str | None = None, limit: int = 50) -> Snapshot[AuditPage]:
        """A page of the audit log, newest first. Raises InvalidCursor, Unavailable."""
        return await self._cache.get(
            (_AUDIT, wanted, cursor, limit), lambda: audit_page(self.client.register, wanted, cursor, limit)
        )

    async def health(self) -> Snapshot[Health]:
        """What is responding and what is not. Raises nothing."""
        return await self._cache.get(_HEALTH, self._health)

    async def watch(
        self, read: Callable[[], Awaitable[Snapshot[T]]], ends: Callable[[T], bool] = lambda _: False
    ) -> AsyncIterator[Snapshot[T]]:
        """Yield what `read` returns, at once and after each change, until `ends` is true of it or the server stops."""
        shown: tuple[T, str | None] | None = None
        while not self.stopping.is_set():
            known = await read()
            if (known.value, known.problem) != shown:
                shown = (known.value, known.problem)
                yield known
            if known.fresh and ends(known.value):
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(self._cache.max_age):
                    await self.stopping.wait()

    def changed(self, order_id: str) -> None:
        """Invalidate the cached data of an order that this process has just placed or changed."""
        for key in (("order", order_id), _WORKLIST, _WEDGED):
            self._cache.forget(key)
        self._cache.forget_all(lambda key: key[0] in (_LIST, _AUDIT))

    async def close(self) -> None:
        """Cancel reads in progress, and end all watches."""
        self.stopping.set()
        await self._cache.close()
        if self._session is not None:
            await self._session.close()

    async def _health(self) -> Health:
        if self._session is None:
            self._session = open_session()
        settings = self.client.settings
        return await check_health(self.client.temporal, settings.task_queue, settings.service_urls(), self._session)

    async def _details(self, order_id: str) -> OrderDetails:
        before = self._cache.last(("order", order_id))
        return await self._orders.details(order_id, before.value if before else None)
