"""What a run knows about itself: the state of each step, the events, and the steps that wait for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from temporalio import workflow

from ordersaga.saga.decisions import BY_A_PERSON, Choice, PendingDecisions
from ordersaga.saga.effect import UndoOutcome
from ordersaga.saga.events import (
    SagaEvent,
    StepBegun,
    StepDone,
    StepEvent,
    StepFailed,
    StepParked,
    StepRefused,
    StepResolved,
    UndoAnswered,
    UndoBegun,
)
from ordersaga.saga.step_state import Decided, StepRecord, StepState

E = TypeVar("E", bound=SagaEvent)

_ANSWERED = {
    UndoOutcome.UNDONE: StepState.UNDONE,
    UndoOutcome.NOTHING_TO_UNDO: StepState.NOTHING_TO_UNDO,
    UndoOutcome.REQUESTED: StepState.UNDO_REQUESTED,
    UndoOutcome.TOO_LATE: StepState.TOO_LATE,
}


class RunLog:
    """The records of a run. Every change of a step's state goes through here and creates an event."""

    def __init__(
        self, records: Iterable[StepRecord], on_event: Callable[[SagaEvent], None], pivot: str = "the pivot"
    ) -> None:
        self.records = {record.name: record for record in records}
        self.events: list[SagaEvent] = []
        self.pivot = pivot
        self.decisions = PendingDecisions(pivot)
        self.decided: list[Decided] = []
        self._on_event = on_event

    def happened(self, kind: type[E], **fields: Any) -> None:
        """Record an event that happened just now."""
        self._add(kind(at=self._in_order(workflow.now()), **fields))

    def _add(self, event: SagaEvent) -> None:
        self.events.append(event)
        self._on_event(event)

    def _in_order(self, at: datetime) -> datetime:
        """Keep the events in order: an attempt's times come from a worker, whose clock may be behind."""
        return max(at, self.events[-1].at) if self.events else at

    # -- changes of a step's state

    def begin(self, record: StepRecord, place: int, at: datetime | None) -> None:
        """Record that a do is about to start."""
        record.begun = place if record.begun is None else record.begun
        record.undoing = False
        self._change(record, StepState.RUNNING, StepBegun, at)

    def done(self, record: StepRecord, at: datetime | None) -> None:
        """Record that a do succeeded."""
        self._change(record, StepState.DONE, StepDone, at, attempts=record.attempts)

    def refused(self, record: StepRecord, kind: str, message: str) -> None:
        """Record that a do was refused."""
        record.last_error = message
        self._change(record, StepState.REFUSED, StepRefused, refusal=kind, message=message)

    def failed(self, record: StepRecord, state: StepState, message: str, *, is_error: bool = True) -> None:
        """Record that a do did not succeed."""
        record.last_error = message if is_error else record.last_error
        self._change(record, state, StepFailed, message=message)

    def undo_begun(self, record: StepRecord, reason: str) -> None:
        """Record that an undo is about to start."""
        record.undoing = True
        self._change(record, StepState.UNDOING, UndoBegun, reason=reason)

    def undo_answered(self, record: StepRecord, outcome: UndoOutcome, attempts: int, detail: str) -> None:
        """Record an undo's answer. An undo that is still only requested creates no event."""
        record.undo_attempts += attempts
        requested = outcome is UndoOutcome.REQUESTED
        if requested and record.state is StepState.UNDO_REQUESTED:
            return
        answer = detail or str(outcome)
        if requested:
            # A decision on the parked undo was made on other grounds, so it no longer applies.
            self.decisions.close(record.name, f"the undo of {record.name} was requested")
        self._change(record, _ANSWERED[outcome], UndoAnswered, outcome=outcome, attempts=attempts, detail=answer)
        if requested:
            self.decisions.open(record.name)

    def parked(self, record: StepRecord, message: str, choices: Sequence[Choice] = BY_A_PERSON) -> None:
        """Record that a step cannot finish by itself. A step that was parked before creates no event."""
        record.last_error = message
        if record.state is not StepState.PARKED:
            self._change(record, StepState.PARKED, StepParked, undoing=record.undoing, message=message)
            self.decisions.open(record.name, choices)

    def resolved(self, record: StepRecord, decided: Decided, state: StepState) -> None:
        """Record that a person's decision was carried out."""
        self.decided.append(decided)
        self._change(record, state, StepResolved, undoing=record.undoing, decision=decided.decision)

    def _change(
        self, record: StepRecord, state: StepState, kind: type[StepEvent], at: datetime | None = None, **fields: Any
    ) -> None:
        at = self._in_order(at or workflow.now())
        was, since = record.state, record.since
        record.state, record.since, record.next_try = state, since if state is was else at, None
        if state not in (StepState.PARKED, StepState.UNDO_REQUESTED):
            self.decisions.close(record.name, f"{record.name} is {state.replace('_', ' ')}")
        self._add(kind(at=at, step=record.name, state=state, was=was, since=since, **fields))
