"""An order's timeline for its page: each step with its progress as bars, and the event log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ordersaga.domain.durations import in_two_units
from ordersaga.domain.result import DecisionEntry, OrderView, StepStatus, TimelineEntry
from ordersaga.orders.workflows.steps import SHIP
from ordersaga.saga import StepState
from ordersaga.web.dashboard.labels import StepLabels, entry_label, label, step_labels, tone

_MARKS = {"ok": "✓", "bad": "✕", "warn": "!", "alert": "!", "busy": "…", "muted": "-", "idle": ""}
_KINDS: dict[str, str] = {
    StepState.RUNNING: "do",
    StepState.UNDOING: "undo",
    StepState.UNDO_REQUESTED: "requested",
    StepState.PARKED: "wait",
}
"""The kind of bar that is drawn while a step is in this state."""
_KINDS_IN_ORDER = ("do", "undo", "requested", "hold", "wait")
_HOLD_ENDS = ("hold_ended", "cancel_requested", "unwind_begun")
_DECIDED = (StepState.DONE_BY_HAND, StepState.WRITTEN_OFF)
_MIN_WIDTH = 0.6
"""Of a bar, in per cent, so that a millisecond in an hour remains visible."""


@dataclass(frozen=True)
class Bar:
    """A span of time in which something was in progress. `x` and `width` are in per cent of the order's duration."""

    kind: str
    x: float
    width: float
    title: str


@dataclass(frozen=True)
class StepRow:
    """One step on the page."""

    name: str
    title: str
    state: str
    state_label: str
    since: datetime | None
    """When it entered the state, if something is in progress in it."""
    tone: str
    mark: str
    effect_id: str
    attempts: int
    undo_attempts: int
    last_error: str | None
    next_try: datetime | None
    took: str | None
    bars: Sequence[Bar]
    bars_label: str
    decisions: Sequence[DecisionEntry]


@dataclass(frozen=True)
class LogRow:
    """An event, and how long after the order was placed it happened."""

    at: datetime
    after: timedelta
    event: str


@dataclass(frozen=True)
class Axis:
    """The time span that the bars are drawn on."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is; never zero."""
        return max(self.end - self.start, timedelta(milliseconds=1))

    def at(self, moment: datetime) -> float:
        """The position of a moment, in per cent."""
        return min(100.0, max(0.0, 100 * (moment - self.start) / self.length))

    def bar(self, kind: str, start: datetime, end: datetime, title: str) -> Bar:
        """The bar between two moments."""
        left, right = self.at(start), self.at(end)
        width = max(_MIN_WIDTH, right - left)
        return Bar(kind, round(min(left, 100 - width), 3), round(width, 3), f"{title}: {in_two_units(end - start)}")


@dataclass(frozen=True)
class Timeline:
    """The whole timeline."""

    steps: Sequence[StepRow]
    log: Sequence[LogRow]
    axis: Axis | None
    kinds: Sequence[str]
    held_until: datetime | None
    """When the current hold ends, if there is one."""


@dataclass(frozen=True)
class _Span:
    """A span of time in which something was in progress. `end` is None if it still is."""

    kind: str
    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class _Hold:
    """A hold: its start, its planned end, and its actual end, if it has ended."""

    start: datetime
    until: datetime
    ended: datetime | None


def timeline_of(view: OrderView, placed_at: datetime, closed_at: datetime | None, now: datetime) -> Timeline:
    """The timeline of a view. If the view has no entries, as when no worker responds, it has no bars and no log."""
    entries = view.timeline
    last = max([closed_at or now, *(entry.at for entry in entries)])
    axis = Axis(min([placed_at, *(entry.at for entry in entries)]), last) if entries or view.since else None
    holds = list(_holds(entries))
    steps = [_row(step, view, entries, axis, holds if step.name == SHIP.name else []) for step in view.steps]
    log = [LogRow(entry.at, entry.at - placed_at, entry_label(entry)) for entry in entries]
    shown = {bar.kind for step in steps for bar in step.bars}
    held = [hold.until for hold in holds if hold.ended is None and not view.status.is_end]
    return Timeline(steps, log, axis, [kind for kind in _KINDS_IN_ORDER if kind in shown], held[-1] if held else None)


def is_going_back(step: StepStatus) -> bool:
    """Whether the state is that of the undo, which is in progress, parked or was decided by a person."""
    return step.undoing and (step.state in _KINDS or step.state in _DECIDED)


def _holds(entries: Sequence[TimelineEntry]) -> Iterator[_Hold]:
    for place, entry in enumerate(entries):
        if entry.kind == "hold_begun" and entry.until is not None:
            ends = [later.at for later in entries[place + 1 :] if later.kind in _HOLD_ENDS]
            yield _Hold(entry.at, entry.until, ends[0] if ends else None)


def _row(
    step: StepStatus, view: OrderView, entries: Sequence[TimelineEntry], axis: Axis | None, holds: Sequence[_Hold]
) -> StepRow:
    labels, shown = step_labels(step.name), tone(step.state)
    spans = list(_spans(step, view, entries))
    took = sum((span.end - span.start for span in spans if span.end), timedelta())
    bars = list(_bars(labels, spans, holds, axis)) if axis else []
    return StepRow(
        name=step.name,
        title=(labels.undo if is_going_back(step) else labels.do).title,
        state=step.state,
        state_label=_state_label(step, view, labels),
        since=view.since.get(step.name) if step.state in _KINDS else None,
        tone=shown,
        mark=_MARKS[shown],
        effect_id=step.id if step.state != StepState.PENDING else "",
        attempts=step.attempts,
        undo_attempts=step.undo_attempts,
        last_error=step.last_error,
        next_try=step.next_try,
        took=in_two_units(took) if took else None,
        bars=bars,
        bars_label="; ".join(bar.title for bar in bars),
        decisions=[entry for entry in view.decisions if entry.step == step.name],
    )


def _state_label(step: StepStatus, view: OrderView, labels: StepLabels) -> str:
    if step.state == StepState.UNDO_REQUESTED:
        return f"{labels.requested}, not final yet"
    return "Not started" if view.status.is_end and step.state == StepState.PENDING else label(step.state)


def _spans(step: StepStatus, view: OrderView, entries: Sequence[TimelineEntry]) -> Iterator[_Span]:
    for entry in entries:
        kind = _KINDS.get(entry.was or "")
        if entry.step == step.name and entry.since is not None and entry.state != entry.was and kind:
            yield _Span(kind, entry.since, entry.at)
    if step.state in _KINDS and step.name in view.since:
        yield _Span(_KINDS[step.state], view.since[step.name], None)


def _bars(labels: StepLabels, spans: Sequence[_Span], holds: Sequence[_Hold], axis: Axis) -> Iterator[Bar]:
    titles = {
        "do": labels.do.title,
        "undo": labels.undo.title,
        "requested": f"{labels.requested}, not final yet",
        "wait": "Waiting for a decision",
    }
    for hold in holds:
        yield axis.bar("hold", hold.start, hold.ended or min(hold.until, axis.end), "On hold")
    for span in spans:
        yield axis.bar(span.kind, span.start, span.end or axis.end, titles[span.kind])
