"""A saga's events as readable lines: for examples and for failed tests."""

# No postponed annotations here: inside Temporal's sandbox, a data converter could not resolve them.

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ordersaga.saga import (
    AttemptFailed,
    CancelRequested,
    EventReceived,
    HoldBegun,
    HoldEnded,
    SagaEvent,
    StepDone,
    StepFailed,
    StepParked,
    StepRefused,
    StepResolved,
    StepState,
    UndoAnswered,
    UndoOutcome,
    UnwindBegun,
    WaitBegun,
    WaitTimedOut,
    WentForward,
)


@dataclass(frozen=True)
class Line:
    """One event as text.

    `seconds` counts from the first event; `step` is empty if the event concerns the whole saga.
    """

    seconds: float
    step: str
    mark: str
    words: str

    def __str__(self) -> str:
        return f"{self.seconds:6.1f} s  {self.step:<12} {self.mark} {self.words}".rstrip()


def transcript(events: Iterable[SagaEvent]) -> list[Line]:
    """The events in order. Omits what other lines imply: that a do or an undo began, and the verdict."""
    events = list(events)
    start = events[0].at if events else None
    return [_line(event, start) for event in events if type(event) in _WORDS]


def _line(event: SagaEvent, start: datetime | None) -> Line:
    mark, words = _WORDS[type(event)](event)
    seconds = (event.at - (start or event.at)).total_seconds()
    return Line(seconds, getattr(event, "step", ""), mark, words)


def _done(event: StepDone) -> tuple[str, str]:
    return "✓", "done" if event.attempts <= 1 else f"done, at attempt {event.attempts}"


def _failed(event: StepFailed) -> tuple[str, str]:
    given_up = event.state is StepState.GAVE_UP
    return ("✗", f"given up: {event.message}") if given_up else ("?", f"effect unknown: {event.message}")


_UNDO = {
    UndoOutcome.UNDONE: ("↶", "undone"),
    UndoOutcome.NOTHING_TO_UNDO: ("↶", "nothing to undo"),
    UndoOutcome.REQUESTED: ("…", "undo requested, and final later"),
    UndoOutcome.TOO_LATE: ("!", "too late to undo: it stands"),
}


def _parked(event: StepParked) -> tuple[str, str]:
    return "!", f"{'its undo is' if event.undoing else ''} parked, and waits for a person: {event.message}".strip()


def _resolved(event: StepResolved) -> tuple[str, str]:
    decision = event.decision
    note = f": {decision.note}" if decision.note else ""
    return "✎", f"{decision.choice.replace('_', ' ')}, says {decision.by}{note}"


def _attempt(event: AttemptFailed) -> tuple[str, str]:
    return "~", f"attempt {event.attempt} failed, another follows: {event.message}"


_WORDS: dict[type[SagaEvent], Any] = {
    StepDone: _done,
    StepRefused: lambda event: ("✗", f"refused: {event.message}"),
    StepFailed: _failed,
    UndoAnswered: lambda event: _UNDO[event.outcome],
    StepParked: _parked,
    StepResolved: _resolved,
    AttemptFailed: _attempt,
    CancelRequested: lambda event: ("■", f"cancel: {event.reason}"),
    UnwindBegun: lambda event: ("←", f"back: {event.reason}"),
    WentForward: lambda event: ("→", "stands, so the saga goes forward"),
    HoldBegun: lambda event: ("…", f"on hold for {(event.until - event.at).total_seconds():g} s"),
    HoldEnded: lambda event: ("·", "the hold is over"),
    WaitBegun: lambda event: ("…", f"waits for {event.event}"),
    EventReceived: lambda event: ("·", f"{event.event} has come"),
    WaitTimedOut: lambda event: ("✗", f"{event.event} did not come in time"),
}
