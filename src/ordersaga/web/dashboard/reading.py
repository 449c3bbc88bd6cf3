"""What the pages read beyond orders: mails, and counts. Each is read once for all who look."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from ordersaga.contracts.notification import NotificationEntry
from ordersaga.domain.errors import ServiceUnavailable
from ordersaga.domain.result import OrderFilter, OrderSummary
from ordersaga.orders.service_clients import Services
from ordersaga.web.dashboard.books import BooksCheck
from ordersaga.web.dashboard.totals import Bucket, Latency, Period, buckets_of, latency_of
from ordersaga.web.reads import AppState
from ordersaga.web.reads.cache import ReadCache, Snapshot

NEWEST_MAILS = 50
_MAILS_OF_AN_ORDER = 10
_ORDERS_A_PAGE = 100
_LATENCY_PAGES = 3
_COUNT_SECONDS = 10.0


class Readings:
    """Reads through the front's client, and through clients of the services. Use within one event loop."""

    def __init__(self, state: AppState) -> None:
        self.state = state
        self.books = BooksCheck()
        self._recent = ReadCache(max_age=1.0, keep=500)
        self._counts = ReadCache(max_age=_COUNT_SECONDS, keep=20)
        self._services: Services | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Be ready to ask the services, which need not be there yet."""
        async with AsyncExitStack() as stack:
            self._services = await stack.enter_async_context(Services.open(self.state.settings.service_urls()))
            stack.push_async_callback(self.books.close)
            stack.push_async_callback(self._recent.close)
            stack.push_async_callback(self._counts.close)
            yield

    async def mails(self, order_id: str = "", state: str = "") -> Snapshot[list[NotificationEntry]]:
        """The newest mails, of one order or in one state if asked for; one more than are shown, if there are more.

        Raises ServiceUnavailable.
        """
        limit = NEWEST_MAILS + 1
        said = {"order_id": order_id, "state": state}
        filters = {name: value for name, value in said.items() if value} | {"newest_first": "true", "limit": str(limit)}
        return await self._recent.get(("mails", order_id, state), lambda: self._mails(filters, limit))

    async def mails_of(self, order_id: str) -> list[NotificationEntry] | None:
        """The mails of an order, oldest first; None if they are not known."""
        filters = {"order_id": order_id, "limit": str(_MAILS_OF_AN_ORDER)}
        try:
            known = await self._recent.get(("mail", order_id), lambda: self._mails(filters, _MAILS_OF_AN_ORDER))
        except ServiceUnavailable:
            return None
        return known.value

    async def buckets(self, period: Period) -> Snapshot[list[Bucket]]:
        """The orders by outcome over time. Raises Unavailable."""
        return await self._counts.get(("buckets", period.name), lambda: self._buckets(period))

    async def latency(self, period: Period) -> Snapshot[Latency | None]:
        """How long the newest orders of a period took. Raises Unavailable."""
        return await self._counts.get(("latency", period.name), lambda: self._latency(period))

    async def _mails(self, filters: dict[str, str], most: int) -> list[NotificationEntry]:
        assert self._services is not None
        found: list[NotificationEntry] = []
        async for entry in self._services.notification.notifications(**filters):
            found.append(entry)
            if len(found) == most:
                break
        return found

    async def _buckets(self, period: Period) -> list[Bucket]:
        starts = period.starts(datetime.now(UTC))
        placed = await self.state.client.register.placed(starts[0], period.counted_per)
        return buckets_of(period, starts, placed)

    async def _latency(self, period: Period) -> Latency | None:
        wanted = OrderFilter(placed_after=period.starts(datetime.now(UTC))[0])
        ended: list[OrderSummary] = []
        cursor: str | None = None
        for _ in range(_LATENCY_PAGES):
            page = await self.state.client.list_page(wanted, cursor, _ORDERS_A_PAGE)
            ended += [order for order in page.items if order.closed_at is not None]
            cursor = page.next
            if cursor is None:
                break
        return latency_of(ended, capped=cursor is not None)
