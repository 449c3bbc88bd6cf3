"""What the pages read besides orders: emails and counts. Concurrent visitors share each read."""

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

SHOWN_EMAILS = 50
_EMAILS_PER_ORDER = 10
_ORDERS_PER_PAGE = 100
_LATENCY_PAGES = 3
_COUNT_SECONDS = 10.0


class Readings:
    """Reads through the application's client and the services' clients. Use within one event loop."""

    def __init__(self, state: AppState) -> None:
        self.state = state
        self.books = BooksCheck()
        self._recent = ReadCache(max_age=1.0, keep=500)
        self._counts = ReadCache(max_age=_COUNT_SECONDS, keep=20)
        self._services: Services | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the services' clients. The services need not be running yet."""
        async with AsyncExitStack() as stack:
            self._services = await stack.enter_async_context(Services.open(self.state.settings.service_urls()))
            stack.push_async_callback(self.books.close)
            stack.push_async_callback(self._recent.close)
            stack.push_async_callback(self._counts.close)
            yield

    async def emails(self, order_id: str = "", state: str = "") -> Snapshot[list[NotificationEntry]]:
        """The newest emails, filtered by order and state where given. One more than is shown, if there are more.

        Raises ServiceUnavailable.
        """
        limit = SHOWN_EMAILS + 1
        given = {"order_id": order_id, "state": state}
        filters = {name: value for name, value in given.items() if value} | {
            "newest_first": "true",
            "limit": str(limit),
        }
        return await self._recent.get(("emails", order_id, state), lambda: self._emails(filters, limit))

    async def emails_of(self, order_id: str) -> list[NotificationEntry] | None:
        """The emails of an order, oldest first; None if they are not available."""
        filters = {"order_id": order_id, "limit": str(_EMAILS_PER_ORDER)}
        try:
            known = await self._recent.get(("mail", order_id), lambda: self._emails(filters, _EMAILS_PER_ORDER))
        except ServiceUnavailable:
            return None
        return known.value

    async def buckets(self, period: Period) -> Snapshot[list[Bucket]]:
        """Orders by outcome over time. Raises Unavailable."""
        return await self._counts.get(("buckets", period.name), lambda: self._buckets(period))

    async def latency(self, period: Period) -> Snapshot[Latency | None]:
        """How long the newest orders of a period took. Raises Unavailable."""
        return await self._counts.get(("latency", period.name), lambda: self._latency(period))

    async def _emails(self, filters: dict[str, str], limit: int) -> list[NotificationEntry]:
        assert self._services is not None
        emails: list[NotificationEntry] = []
        async for entry in self._services.notification.notifications(**filters):
            emails.append(entry)
            if len(emails) == limit:
                break
        return emails

    async def _buckets(self, period: Period) -> list[Bucket]:
        starts = period.starts(datetime.now(UTC))
        placed = await self.state.client.register.placed(starts[0], period.counted_per)
        return buckets_of(period, starts, placed)

    async def _latency(self, period: Period) -> Latency | None:
        recent = OrderFilter(placed_after=period.starts(datetime.now(UTC))[0])
        ended: list[OrderSummary] = []
        cursor: str | None = None
        for _ in range(_LATENCY_PAGES):
            page = await self.state.client.list_page(recent, cursor, _ORDERS_PER_PAGE)
            ended += [order for order in page.items if order.closed_at is not None]
            cursor = page.next
            if cursor is None:
                break
        return latency_of(ended, capped=cursor is not None)
