"""The pages: what each shows, and which parts of it change while one looks."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from ordersaga.access import Caller
from ordersaga.contracts.notification import NotificationState
from ordersaga.dashboard.charts import chart_of
from ordersaga.dashboard.frame import frame_of
from ordersaga.dashboard.reading import NEWEST_MAILS, Readings
from ordersaga.dashboard.rendering import render, url
from ordersaga.dashboard.totals import KINDS, PERIODS
from ordersaga.domain.errors import Unavailable
from ordersaga.domain.money import Money, total
from ordersaga.domain.order import SAFE_ID
from ordersaga.domain.result import OrderFilter, OrderStatus
from ordersaga.domain.worklist import WorklistItem
from ordersaga.known import Known

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
        return {event: render(part, self.context) for event, part in {"frame": "_frame.html", **self.parts}.items()}


async def orders_view(readings: Readings, caller: Caller, query: Query) -> View:
    """The orders, as Temporal lists them: the open ones first. Raises InvalidCursor."""
    said = {name: query.get(name, "").strip()[:200] for name in _FILTERS}
    said |= {name: "" for name in _DAYS if _day(said[name]) is None}  # a browser warns of a value that is no date
    cursor = query.get("cursor") or None
    overview = readings.front.overview
    known = await _if_known(overview.orders(_filter(said), cursor, ORDERS_A_PAGE))
    older = known.value.next if known else None
    return View(
        "orders.html",
        {
            "frame": await frame_of(overview, "orders", caller, _all(known)),
            "orders": known.value.items if known else [],
            "known": known is not None,
            "filter": said,
            "filtered": any(said.values()),
            "statuses": list(OrderStatus),
            "live_url": "" if cursor else url("/live/orders", said),
            "newest_url": url("/", said) if cursor else None,
            "older_url": url("/", said | {"cursor": older}) if older else None,
        },
        {"list": "_orders.html"},
    )


async def worklist_view(readings: Readings, caller: Caller, _query: Query) -> View:
    """What waits for a person."""
    overview = readings.front.overview
    known = await _if_known(overview.worklist())
    items = known.value if known else []
    return View(
        "worklist.html",
        {
            "frame": await frame_of(overview, "worklist", caller, _all(known)),
            "items": items,
            "at_risk": at_risk(items),
            "known": known is not None,
            "live_url": "/live/worklist",
        },
        {"list": "_worklist.html"},
    )


async def outbox_view(readings: Readings, caller: Caller, query: Query) -> View:
    """The mails, newest first."""
    said = {name: query.get(name, "").strip()[:100] for name in ("order_id", "state")}
    state = said["state"] if said["state"] in list(NotificationState) else ""
    asked = not said["order_id"] or _is_id(said["order_id"])
    known = await _if_known(readings.mails(said["order_id"], state)) if asked else Known([], datetime.now(UTC))
    return View(
        "outbox.html",
        {
            "frame": await frame_of(readings.front.overview, "outbox", caller, _all(known)),
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
    known, latency = await asyncio.gather(_if_known(readings.buckets(period)), _if_known(readings.latency(period)))
    buckets = known.value if known else None
    return View(
        "totals.html",
        {
            "frame": await frame_of(readings.front.overview, "totals", caller, [*_all(known), *_all(latency)]),
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


def at_risk(items: list[WorklistItem]) -> list[Money]:
    """The amounts at risk, added up for each currency."""
    found: dict[str, list[Money]] = {}
    for item in items:
        if item.amount_at_risk and item.currency:
            money = Money.parse(item.amount_at_risk, item.currency)
            found.setdefault(money.currency, []).append(money)
    sums = [total(amounts, currency) for currency, amounts in sorted(found.items())]
    return [money for money in sums if money.minor]


_DAYS = ("placed_after", "placed_before")
_FILTERS = ("search", "status", "customer", *_DAYS)


def _filter(said: Query) -> OrderFilter:
    """What is asked for; a date that is none, or a status that there is not, does not count."""
    before = _day(said["placed_before"])
    return OrderFilter(
        status=OrderStatus(said["status"]) if said["status"] in list(OrderStatus) else None,
        customer_id=said["customer"] or None,
        placed_after=_day(said["placed_after"]),
        placed_before=before + timedelta(days=1) if before else None,
        search=said["search"] or None,
    )


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def _is_id(text: str) -> bool:
    return re.fullmatch(SAFE_ID, text) is not None


async def _if_known(reading: Awaitable[Known[T]]) -> Known[T] | None:
    try:
        return await reading
    except Unavailable:
        return None


def _all(known: Known[Any] | None) -> list[Known[Any]]:
    return [known] if known is not None else []
