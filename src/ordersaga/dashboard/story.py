"""An order's story, shaped for its page: each step with what was done and undone when, and what happened."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from ordersaga.dashboard.times import span
from ordersaga.dashboard.words import in_plain_words, step_words, tone, words
from ordersaga.domain.result import DecisionEntry, OrderView, StepOutcome, TimelineEntry
from ordersaga.saga import StepState
from ordersaga.workflows.steps import SHIP

_MARKS = {"ok": "✓", "bad": "✕", "warn": "!", "alert": "!", "busy": "…", "muted": "-", "idle": ""}
_KINDS: dict[str, str] = {StepState.RUNNING: "do", StepState.UNDOING: "undo", StepState.PARKED: "wait"}
"""What is going on while a step is in such a state."""
_ON_HOLD = re.compile(r"on hold for ([\d.e+]+) s")
_THINNEST = 0.6
"""Of a bar, in per cent: what took a millisecond of an hour is to be seen too."""


@dataclass(frozen=True)
class Bar:
    """A stretch of time in which something was going on. `x` and `width` in per cent of the order's time."""

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
    says: str
    """The state in words."""
    tone: str
    mark: str
    effect_id: str
    attempts: int
    undo_attempts: int
    last_error: str | None
    took: str | None
    since: datetime | None
    bars: Sequence[Bar]
    bars_label: str
    decisions: Sequence[DecisionEntry]


@dataclass(frozen=True)
class LogRow:
    """Something that happened, and how long after the order was placed."""

    at: datetime
    after: timedelta
    event: str


@dataclass(frozen=True)
class Axis:
    """The time that the bars are drawn over."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is; never zero."""
        return max(self.end - self.start, timedelta(milliseconds=1))

    def at(self, moment: datetime) -> float:
        """Where a moment lies, in per cent."""
        return min(100.0, max(0.0, 100 * (moment - self.start) / self.length))


@dataclass(frozen=True)
class Story:
    """All of it."""

    steps: Sequence[StepRow]
    log: Sequence[LogRow]
    axis: Axis | None
    kinds: Sequence[str]
    held_until: datetime | None
    """When the hold that it is in ends."""


def story_of(view: OrderView, placed_at: datetime, closed_at: datetime | None, now: datetime) -> Story:
    """The story that a view tells. Without a timeline, as when no worker answers, there are no bars and no log."""
    timeline = sorted(view.timeline, key=lambda entry: entry.at)
    last = max([closed_at or now, *(entry.at for entry in timeline)])
    axis = Axis(min([placed_at, *(entry.at for entry in timeline)]), last) if timeline or view.since else None
    holds = _holds(timeline)
    steps = [_row(step, view, timeline, axis, holds if step.name == SHIP.name else []) for step in view.steps]
    log = [LogRow(entry.at, entry.at - placed_at, in_plain_words(entry.event)) for entry in timeline]
    kinds = [
        kind for kind in ("do", "undo", "hold", "wait") if any(bar.kind == kind for step in steps for bar in step.bars)
    ]
    held = [hold.until for hold in holds if hold.left is None and not view.status.is_end]
    return Story(steps, log, axis, kinds, held[-1] if held else None)


@dataclass(frozen=True)
class _Hold:
    """A hold: from when, until when at the longest, and when something else happened, if it has."""

    start: datetime
    until: datetime
    left: datetime | None


def _holds(timeline: Sequence[TimelineEntry]) -> list[_Hold]:
    found = []
    for entry, later in zip_longest(timeline, timeline[1:]):
        if entry is not None and (seconds := _ON_HOLD.fullmatch(entry.event)):
            until = entry.at + timedelta(seconds=float(seconds[1]))
            found.append(_Hold(entry.at, until, later.at if later else None))
    return found


def _row(
    step: StepOutcome,
    view: OrderView,
    timeline: Sequence[TimelineEntry],
    axis: Axis | None,
    holds: Sequence[_Hold],
) -> StepRow:
    bars = list(_bars(step, view.since, timeline, axis)) if axis else []
    if axis:
        held = [_bar("hold", hold.start, hold.left or min(hold.until, axis.end), "On hold", axis) for hold in holds]
        bars = held + bars
    length = sum((entry.at - entry.since for entry in timeline if entry.step == step.name and entry.since), timedelta())
    said = step_words(step.name)
    going_back = step.state == StepState.UNDOING or (
        step.state == StepState.PARKED and not parked_doing(view, step.name)
    )
    shown = tone(step.state)
    return StepRow(
        name=step.name,
        title=(said.undo if going_back else said.do).title,
        state=step.state,
        says="Not begun" if view.status.is_end and step.state == StepState.PENDING else words(step.state),
        tone=shown,
        mark=_MARKS[shown],
        effect_id=step.id if step.state != StepState.PENDING else "",
        attempts=step.attempts,
        undo_attempts=step.undo_attempts,
        last_error=step.last_error,
        took=span(length) if length else None,
        since=view.since.get(step.name) if step.state in _KINDS else None,
        bars=bars,
        bars_label="; ".join(bar.title for bar in bars),
        decisions=[entry for entry in view.decisions if entry.step == step.name],
    )


def parked_doing(view: OrderView, step: str) -> bool:
    """Whether what is parked is the step's do; else it is its undo, as it nearly always is."""
    parked = [entry.was for entry in view.timeline if entry.step == step and entry.state == StepState.PARKED]
    return parked[-1:] == [StepState.RUNNING]


def _bars(
    step: StepOutcome, since: Mapping[str, datetime], timeline: Sequence[TimelineEntry], axis: Axis
) -> Iterator[Bar]:
    said = step_words(step.name)
    titles = {"do": said.do.title, "undo": said.undo.title, "wait": "Waited for a person"}
    for entry in timeline:
        kind = _KINDS.get(entry.was or "")
        if entry.step == step.name and entry.since is not None and kind:
            yield _bar(kind, entry.since, entry.at, titles[kind], axis)
    kind = _KINDS.get(step.state)
    if kind and step.name in since:
        yield _bar(kind, since[step.name], axis.end, titles[kind], axis)


def _bar(kind: str, start: datetime, end: datetime, title: str, axis: Axis) -> Bar:
    left, right = axis.at(start), axis.at(end)
    width = max(_THINNEST, right - left)
    return Bar(kind, round(min(left, 100 - width), 3), round(width, 3), f"{title}: {span(end - start)}")
