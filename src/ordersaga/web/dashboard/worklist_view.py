"""The worklist's page: orders that need attention, sorted and filtered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ordersaga.domain.money import Money, total
from ordersaga.domain.worklist import Attention, WaitingStep, WorklistItem, WorklistSort, arranged
from ordersaga.web.access import Caller
from ordersaga.web.dashboard.labels import ATTENTION, BULK, step_labels
from ordersaga.web.dashboard.layout import layout_of
from ordersaga.web.dashboard.reading import Readings
from ordersaga.web.dashboard.rendering import url
from ordersaga.web.dashboard.views import Query, View, snapshot_or_none, snapshots

MAX_ERROR = 140
_MAX_LENGTH = 128


@dataclass(frozen=True)
class WaitingRow:
    """A step that needs a decision, as shown. `more`: there were more attempts since they were last reported."""

    title: str
    error: str
    whole_error: str
    attempts: int
    more: bool
    next_try: datetime | None


@dataclass(frozen=True)
class Row:
    """An order on the page."""

    item: WorklistItem
    steps: Sequence[WaitingRow]
    text: str
    can_decide: bool
    at_risk: Money | None


async def worklist_view(readings: Readings, caller: Caller, query: Query) -> View:
    """The orders that need attention."""
    reads = readings.state.reads
    filters = {name: query.get(name, "").strip()[:_MAX_LENGTH] for name in ("kind", "customer", "sort")}
    known = await snapshot_or_none(reads.worklist())
    everything = known.value if known else []
    items = arranged(everything, _sort(filters), _kind(filters), filters["customer"] or None)
    return View(
        "worklist.html",
        {
            "layout": await layout_of(reads, "worklist", caller, snapshots(known)),
            "rows": [row_of(item) for item in items],
            "bulk": BULK if any(item.steps for item in items) else (),
            "at_risk": at_risk(items),
            "longest": min((item.since for item in items), default=None),
            "available": known is not None,
            "filter": filters,
            "filtered": bool(filters["kind"] or filters["customer"]),
            "kinds": list(Attention),
            "sorts": list(WorklistSort),
            "live_url": url("/live/worklist", filters),
        },
        {"list": "_worklist.html"},
    )


def row_of(item: WorklistItem) -> Row:
    """An order as shown."""
    return Row(
        item=item,
        steps=[_waiting(step) for step in item.steps],
        text=ATTENTION[item.attention],
        can_decide=any(step.choices for step in item.steps),
        at_risk=_money(item),
    )


def at_risk(items: Iterable[WorklistItem]) -> list[Money]:
    """The sum of the amounts at risk in each currency."""
    return sums_by_currency(money for item in items if (money := _money(item)) is not None)


def sums_by_currency(amounts: Iterable[Money]) -> list[Money]:
    """The sum in each currency; currencies whose sum is zero are left out."""
    by_currency: dict[str, list[Money]] = {}
    for money in amounts:
        by_currency.setdefault(money.currency, []).append(money)
    sums = [total(moneys, currency) for currency, moneys in sorted(by_currency.items())]
    return [money for money in sums if money.minor]


def _money(item: WorklistItem) -> Money | None:
    if not item.amount_at_risk or not item.currency:
        return None
    money = Money.parse(item.amount_at_risk, item.currency)
    return money if money.minor else None


def _waiting(step: WaitingStep) -> WaitingRow:
    labels, error = step_labels(step.name), " ".join((step.error or "").split())
    is_over = step.next_try is not None and step.next_try <= datetime.now(UTC)
    return WaitingRow(
        title=(labels.undo if step.undoing else labels.do).title,
        error=error if len(error) <= MAX_ERROR else f"{error[: MAX_ERROR - 1]}…",
        whole_error=error,
        attempts=step.attempts,
        more=is_over,
        next_try=None if is_over else step.next_try,
    )


def _kind(filters: Query) -> Attention | None:
    return Attention(filters["kind"]) if filters["kind"] in list(Attention) else None


def _sort(filters: Query) -> WorklistSort:
    return WorklistSort(filters["sort"]) if filters["sort"] in list(WorklistSort) else WorklistSort.WAITING
