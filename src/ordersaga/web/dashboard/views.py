"""The pages: what each one shows, and which of its parts are updated live."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from ordersaga.contracts.notification import NotificationEntry, NotificationState
from ordersaga.domain.errors import InvalidRequest, Unavailable
from ordersaga.domain.order import SAFE_ID
from ordersaga.domain.result import OrderFilter, OrderStatus
from ordersaga.web.access import Caller
from ordersaga.web.dashboard.charts import chart_of
from ordersaga.web.dashboard.layout import layout_of
from ordersaga.web.dashboard.reading import SHOWN_EMAILS, Readings
from ordersaga.web.dashboard.rendering import render, url
from ordersaga.web.dashboard.totals import KINDS, PERIODS
from ordersaga.web.reads.cache import Snapshot

T = TypeVar("T")
Query = Mapping[str, str]

PAGE_SIZE = 50


@dataclass(frozen=True)
class View:
    """A page: its template and context. `parts` maps the name of each live event to the template it updates."""

    template: str
    context: Mapping[str, Any]
    parts: Mapping[str, str]

    def html(self) -> str:
        """The page as HTML."""
        return render(self.template, self.context)

    def live(self) -> dict[str, str]:
        """The current HTML of each live part."""
        return {event: render(part, self.context) for event, part in {"layout": "_layout.html", **self.parts}.items()}


async def orders_view(readings: Readings, caller: Caller, query: Query) -> View:
    """The orders, newest first. Raises InvalidCursor."""
    filters = _filters(query)
    cursor = query.get("cursor") or None
    reads = readings.state.reads
    problem, known = "", None
    try:
        known = await snapshot_or_none(reads.orders(_order_filter(filters), cursor, PAGE_SIZE))
    except InvalidRequest as error:
        problem = _filter_problem(filters, error)
    older = known.value.next if known else None
    return View(
        "orders.html",
        {
            "layout": await layout_of(reads, "orders", caller, snapshots(known)),
            "orders": known.value.items if known else [],
            "available": known is not None,
            "filter_problem": problem,
            "filter": filters,
            "filtered": any(filters.values()),
            "more_filters": any(filters[name] for name in _MORE_FILTERS),
            "statuses": [status for status in OrderStatus if status is not OrderStatus.PENDING],
            "csv_url": "" if problem else url("/orders.csv", filters),
            "live_url": "" if cursor else url("/live/orders", filters),
            "newest_url": url("/", filters) if cursor else None,
            "older_url": url("/", filters | {"cursor": older}) if older else None,
        },
        {"list": "_orders.html"},
    )


async def outbox_view(readings: Readings, caller: Caller, query: Query) -> View:
    """The emails, newest first."""
    filters = {name: query.get(name, "").strip()[:100] for name in ("order_id", "state")}
    state = filters["state"] if filters["state"] in list(NotificationState) else ""
    known: Snapshot[list[NotificationEntry]] | None = Snapshot([], datetime.now(UTC))
    if not filters["order_id"] or is_id(filters["order_id"]):
        known = await snapshot_or_none(readings.emails(filters["order_id"], state))
    return View(
        "outbox.html",
        {
            "layout": await layout_of(readings.state.reads, "outbox", caller, snapshots(known)),
            "mails": known.value[:SHOWN_EMAILS] if known else None,
            "more": known is not None and len(known.value) > SHOWN_EMAILS,
            "filter": filters,
            "states": list(NotificationState),
            "live_url": url("/live/outbox", filters),
        },
        {"list": "_outbox.html"},
    )


async def totals_view(readings: Readings, caller: Caller, query: Query) -> View:
    """Orders by outcome over time, how long they took, and the books."""
    period = PERIODS.get(query.get("period", ""), PERIODS["day"])
    known, latency = await asyncio.gather(
        snapshot_or_none(readings.buckets(period)), snapshot_or_none(readings.latency(period))
    )
    shown = [*snapshots(known), *snapshots(latency)]
    buckets = known.value if known else None
    return View(
        "totals.html",
        {
            "layout": await layout_of(readings.state.reads, "totals", caller, shown),
            "periods": list(PERIODS.values()),
            "period": period,
            "buckets": buckets,
            "kinds": KINDS,
            "sums": sum((bucket.counts for bucket in buckets or []), Counter[str]()),
            "chart": chart_of(period, buckets) if buckets is not None else None,
            "latency": latency.value if latency else None,
            "books": readings.books,
            "live_url": url("/live/totals", {"period": period.name}),
        },
        {"figures": "_totals.html", "books": "_books.html"},
    )


_DAYS = ("placed_after", "placed_before")
_MORE_FILTERS = ("tracking", "sku", "min_amount", "max_amount", "currency", *_DAYS)
"""Collapsed on the page while none of them is set."""
_FILTERS = ("search", "status", "customer", "email", *_MORE_FILTERS)
_MAX_LENGTH = 254


def _filters(query: Query) -> dict[str, str]:
    """The filters as entered. Invalid dates are dropped, because browsers warn about them in date fields."""
    filters = {name: query.get(name, "").strip()[:_MAX_LENGTH] for name in _FILTERS}
    return filters | {name: "" for name in _DAYS if _day(filters[name]) is None}


def order_filter(query: Query) -> OrderFilter:
    """The filter in a page's query parameters."""
    return _order_filter(_filters(query))


def _filter_problem(filters: Query, error: InvalidRequest) -> str:
    """Why the filters are not valid, in terms of the page's fields."""
    no_currency = (filters["min_amount"] or filters["max_amount"]) and not filters["currency"]
    return "Enter a currency for the amount, such as USD." if no_currency else str(error)


def _order_filter(filters: Query) -> OrderFilter:
    """The filters as an OrderFilter. An unknown status is ignored."""
    before = _day(filters["placed_before"])
    return OrderFilter(
        status=OrderStatus(filters["status"]) if filters["status"] in list(OrderStatus) else None,
        customer_id=filters["customer"] or None,
        placed_after=_day(filters["placed_after"]),
        placed_before=before + timedelta(days=1) if before else None,
        search=filters["search"] or None,
        email=filters["email"] or None,
        sku=filters["sku"] or None,
        tracking_number=filters["tracking"] or None,
        currency=filters["currency"] or None,
        min_amount=filters["min_amount"] or None,
        max_amount=filters["max_amount"] or None,
    )


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def is_id(text: str) -> bool:
    """Whether the text has the form of an order id."""
    return re.fullmatch(SAFE_ID, text) is not None


async def snapshot_or_none(reading: Awaitable[Snapshot[T]]) -> Snapshot[T] | None:
    """The snapshot; None if there is none."""
    try:
        return await reading
    except Unavailable:
        return None


def snapshots(known: Snapshot[Any] | None) -> list[Snapshot[Any]]:
    """The snapshot as a list, for `layout_of`; empty for None."""
    return [known] if known is not None else []
