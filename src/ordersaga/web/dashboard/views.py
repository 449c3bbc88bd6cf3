"""The pages: what each shows, and which parts of it change while one looks."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from ordersaga.contracts.notification import NotificationState
from ordersaga.domain.errors import InvalidRequest, Unavailable
from ordersaga.domain.order import SAFE_ID
from ordersaga.domain.result import OrderFilter, OrderStatus
from ordersaga.web.access import Caller
from ordersaga.web.dashboard.charts import chart_of
from ordersaga.web.dashboard.layout import layout_of
from ordersaga.web.dashboard.reading import NEWEST_MAILS, Readings
from ordersaga.web.dashboard.rendering import render, url
from ordersaga.web.dashboard.totals import KINDS, PERIODS
from ordersaga.web.reads.cache import Snapshot

T = TypeVar("T")
Query = Mapping[str, str]

ORDERS_A_PAGE = 50


@dataclass(frozen=True)
class View:
    """A page: its template and what goes into it. `parts` are the templates of what changes, by the event's name."""

    template: str
    context: Mapping[str, Any]
    parts: Mapping[str, str]

    def html(self) -> str:
        """The page."""
        return render(self.template, self.context)

    def live(self) -> dict[str, str]:
        """What changes, as it is now."""
        return {event: render(part, self.context) for event, part in {"layout": "_layout.html", **self.parts}.items()}


async def orders_view(readings: Readings, caller: Caller, query: Query) -> View:
    """The orders, newest first. Raises InvalidCursor."""
    said = _said(query)
    cursor = query.get("cursor") or None
    overview = readings.state.overview
    unreadable, known = "", None
    try:
        known = await if_known(overview.orders(_filter(said), cursor, ORDERS_A_PAGE))
    except InvalidRequest as problem:
        unreadable = _unreadable(said, problem)
    older = known.value.next if known else None
    return View(
        "orders.html",
        {
            "layout": await layout_of(overview, "orders", caller, all_of(known)),
            "orders": known.value.items if known else [],
            "known": known is not None,
            "unreadable": unreadable,
            "filter": said,
            "filtered": any(said.values()),
            "more_filters": any(said[name] for name in _RARE),
            "statuses": [status for status in OrderStatus if status is not OrderStatus.PENDING],
            "csv_url": "" if unreadable else url("/orders.csv", said),
            "live_url": "" if cursor else url("/live/orders", said),
            "newest_url": url("/", said) if cursor else None,
            "older_url": url("/", said | {"cursor": older}) if older else None,
        },
        {"list": "_orders.html"},
    )


async def outbox_view(readings: Readings, caller: Caller, query: Query) -> View:
    """The mails, newest first."""
    said = {name: query.get(name, "").strip()[:100] for name in ("order_id", "state")}
    state = said["state"] if said["state"] in list(NotificationState) else ""
    asked = not said["order_id"] or is_id(said["order_id"])
    known = await if_known(readings.mails(said["order_id"], state)) if asked else Snapshot([], datetime.now(UTC))
    return View(
        "outbox.html",
        {
            "layout": await layout_of(readings.state.overview, "outbox", caller, all_of(known)),
            "mails": known.value[:NEWEST_MAILS] if known else None,
            "more": known is not None and len(known.value) > NEWEST_MAILS,
            "filter": said,
            "states": list(NotificationState),
            "live_url": url("/live/outbox", said),
        },
        {"list": "_outbox.html"},
    )


async def totals_view(readings: Readings, caller: Caller, query: Query) -> View:
    """Orders by outcome over time, how long they took, and the books."""
    period = PERIODS.get(query.get("period", ""), PERIODS["day"])
    known, latency = await asyncio.gather(if_known(readings.buckets(period)), if_known(readings.latency(period)))
    buckets = known.value if known else None
    return View(
        "totals.html",
        {
            "layout": await layout_of(readings.state.overview, "totals", caller, [*all_of(known), *all_of(latency)]),
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
_RARE = ("tracking", "sku", "min_amount", "max_amount", "currency", *_DAYS)
"""They are folded away while none of them is set."""
_FILTERS = ("search", "status", "customer", "email", *_RARE)
_LONGEST = 254


def _said(query: Query) -> dict[str, str]:
    """The filters as they were typed; a date that is none does not count, and a browser would warn of it."""
    said = {name: query.get(name, "").strip()[:_LONGEST] for name in _FILTERS}
    return said | {name: "" for name in _DAYS if _day(said[name]) is None}


def asked_orders(query: Query) -> OrderFilter:
    """The orders that the address of a page asks for."""
    return _filter(_said(query))


def _unreadable(said: Query, problem: InvalidRequest) -> str:
    """Why nothing can be looked for, by the names of the fields."""
    without = (said["min_amount"] or said["max_amount"]) and not said["currency"]
    return "An amount needs its currency, such as USD." if without else str(problem)


def _filter(said: Query) -> OrderFilter:
    """What is asked for; a status that there is not does not count."""
    before = _day(said["placed_before"])
    return OrderFilter(
        status=OrderStatus(said["status"]) if said["status"] in list(OrderStatus) else None,
        customer_id=said["customer"] or None,
        placed_after=_day(said["placed_after"]),
        placed_before=before + timedelta(days=1) if before else None,
        search=said["search"] or None,
        email=said["email"] or None,
        sku=said["sku"] or None,
        tracking_number=said["tracking"] or None,
        currency=said["currency"] or None,
        min_amount=said["min_amount"] or None,
        max_amount=said["max_amount"] or None,
    )


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def is_id(text: str) -> bool:
    """Whether it could be an order's id."""
    return re.fullmatch(SAFE_ID, text) is not None


async def if_known(reading: Awaitable[Snapshot[T]]) -> Snapshot[T] | None:
    """What is read; None where nothing is known."""
    try:
        return await reading
    except Unavailable:
        return None


def all_of(known: Snapshot[Any] | None) -> list[Snapshot[Any]]:
    """What a page shows, for its frame."""
    return [known] if known is not None else []
