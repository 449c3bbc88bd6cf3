"""The worklist's page: what waits for a person, sorted and filtered."""

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
from ordersaga.web.dashboard.views import Query, View, all_of, if_known

LONGEST_ERROR = 140
_LONGEST = 128


@dataclass(frozen=True)
class WaitingRow:
    """A step that waits, in words. `more`: it was tried again since its attempts were reported."""

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
    """What waits for a person."""
    overview = readings.state.overview
    said = {name: query.get(name, "").strip()[:_LONGEST] for name in ("kind", "customer", "sort")}
    known = await if_known(overview.worklist())
    everything = known.value if known else []
    items = arranged(everything, _sort(said), _kind(said), said["customer"] or None)
    return View(
        "worklist.html",
        {
            "layout": await layout_of(overview, "worklist", caller, all_of(known)),
            "rows": [row_of(item) for item in items],
            "bulk": BULK if any(item.steps for item in items) else (),
            "at_risk": at_risk(items),
            "longest": min((item.since for item in items), default=None),
            "known": known is not None,
            "filter": said,
            "filtered": bool(said["kind"] or said["customer"]),
            "kinds": list(Attention),
            "sorts": list(WorklistSort),
            "live_url": url("/live/worklist", said),
        },
        {"list": "_worklist.html"},
    )


def row_of(item: WorklistItem) -> Row:
    """An order in words."""
    return Row(
        item=item,
        steps=[_waiting(step) for step in item.steps],
        text=ATTENTION[item.attention],
        can_decide=any(step.choices for step in item.steps),
        at_risk=_money(item),
    )


def at_risk(items: Iterable[WorklistItem]) -> list[Money]:
    """The amounts at risk, added up for each currency."""
    return added_up(money for item in items if (money := _money(item)) is not None)


def added_up(amounts: Iterable[Money]) -> list[Money]:
    """The sum of each currency that comes to something."""
    found: dict[str, list[Money]] = {}
    for money in amounts:
        found.setdefault(money.currency, []).append(money)
    sums = [total(each, currency) for currency, each in sorted(found.items())]
    return [money for money in sums if money.minor]


def _money(item: WorklistItem) -> Money | None:
    if not item.amount_at_risk or not item.currency:
        return None
    money = Money.parse(item.amount_at_risk, item.currency)
    return money if money.minor else None


def _waiting(step: WaitingStep) -> WaitingRow:
    said, error = step_labels(step.name), " ".join((step.error or "").split())
    is_over = step.next_try is not None and step.next_try <= datetime.now(UTC)
    return WaitingRow(
        title=(said.undo if step.undoing else said.do).title,
        error=error if len(error) <= LONGEST_ERROR else f"{error[: LONGEST_ERROR - 1]}…",
        whole_error=error,
        attempts=step.attempts,
        more=is_over,
        next_try=None if is_over else step.next_try,
    )


def _kind(said: Query) -> Attention | None:
    return Attention(said["kind"]) if said["kind"] in list(Attention) else None


def _sort(said: Query) -> WorklistSort:
    return WorklistSort(said["sort"]) if said["sort"] in list(WorklistSort) else WorklistSort.WAITING
