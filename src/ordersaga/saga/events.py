"""What happens to a saga, as types. Whoever shows an event words it; nobody parses prose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ordersaga.saga.decisions import Decision
from ordersaga.saga.definition import UndoOutcome
from ordersaga.saga.outcome import Verdict
from ordersaga.saga.step_state import StepState


@dataclass(frozen=True, kw_only=True)
class SagaEvent:
    """Something that happened to a saga, and when."""

    at: datetime


@dataclass(frozen=True, kw_only=True)
class StepEvent(SagaEvent):
    """A step came into the state `state`; before, it was `was`, since `since`."""

    step: str
    state: StepState
    was: StepState
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class StepBegun(StepEvent):
    """The do of a step is about to be attempted."""


@dataclass(frozen=True, kw_only=True)
class StepDone(StepEvent):
    """The do of a step was answered."""

    attempts: int


@dataclass(frozen=True, kw_only=True)
class StepRefused(StepEvent):
    """The do of a step was answered with a definite no."""

    refusal: str
    message: str


@dataclass(frozen=True, kw_only=True)
class StepFailed(StepEvent):
    """The do of a step did not succeed: its effect is unknown, or it was given up."""

    message: str


@dataclass(frozen=True, kw_only=True)
class UndoBegun(StepEvent):
    """The undo of a step is about to be attempted."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class UndoAnswered(StepEvent):
    """The undo of a step was answered."""

    outcome: UndoOutcome
    attempts: int
    detail: str


@dataclass(frozen=True, kw_only=True)
class StepParked(StepEvent):
    """A step cannot finish by itself: its undo, or its do once the pivot stands."""

    undoing: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class StepResolved(StepEvent):
    """A person's decision on a step, or on its undo, was carried out."""

    undoing: bool
    decision: Decision


@dataclass(frozen=True, kw_only=True)
class AttemptFailed(SagaEvent):
    """An attempt failed, and another one follows."""

    step: str
    attempt: int
    undoing: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class CancelRequested(SagaEvent):
    """Somebody asked for the saga to be cancelled. `by` is who, where they said so."""

    reason: str
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class UnwindBegun(SagaEvent):
    """The saga is to be undone, if the pivot allows."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class WentForward(SagaEvent):
    """The pivot stands, so the saga goes forward after all."""

    step: str


@dataclass(frozen=True, kw_only=True)
class OutcomeDecided(SagaEvent):
    """From now on it is certain how the saga ends."""

    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class SagaEnded(SagaEvent):
    """Nothing is left to do."""

    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class HoldBegun(SagaEvent):
    """The saga waits, so that it can still be cancelled."""

    until: datetime


@dataclass(frozen=True, kw_only=True)
class HoldEnded(SagaEvent):
    """The hold is over."""


@dataclass(frozen=True, kw_only=True)
class WaitBegun(SagaEvent):
    """The saga waits for an event from outside."""

    event: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class EventReceived(SagaEvent):
    """An event from outside has come."""

    event: str


@dataclass(frozen=True, kw_only=True)
class WaitTimedOut(SagaEvent):
    """An event from outside did not come before its deadline."""

    event: str
