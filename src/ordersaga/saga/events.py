"""The events of a saga, as types. Code that shows an event renders its own text; nothing parses text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ordersaga.saga.decisions import Decision
from ordersaga.saga.effect import UndoOutcome
from ordersaga.saga.outcome import Verdict
from ordersaga.saga.step_state import StepState


@dataclass(frozen=True, kw_only=True)
class SagaEvent:
    """Something that happened to a saga, and when it happened."""

    at: datetime


@dataclass(frozen=True, kw_only=True)
class StepEvent(SagaEvent):
    """A step changed to `state`. It had been in the state `was` since `since`."""

    step: str
    state: StepState
    was: StepState
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class StepBegun(StepEvent):
    """The first attempt of a step's do is about to start."""


@dataclass(frozen=True, kw_only=True)
class StepDone(StepEvent):
    """A step's do succeeded."""

    attempts: int


@dataclass(frozen=True, kw_only=True)
class StepRefused(StepEvent):
    """A step's do was refused."""

    refusal: str
    message: str


@dataclass(frozen=True, kw_only=True)
class StepFailed(StepEvent):
    """A step's do did not succeed: its effect is unknown, or the engine gave up."""

    message: str


@dataclass(frozen=True, kw_only=True)
class UndoBegun(StepEvent):
    """The first attempt of a step's undo is about to start."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class UndoAnswered(StepEvent):
    """A step's undo returned an answer."""

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
    """A person's decision on a step or on its undo was carried out."""

    undoing: bool
    decision: Decision


@dataclass(frozen=True, kw_only=True)
class AttemptFailed(SagaEvent):
    """An attempt failed, and another one will follow."""

    step: str
    attempt: int
    undoing: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class CancelRequested(SagaEvent):
    """Somebody requested the saga's cancellation. `by` is who, if they gave a name."""

    reason: str
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class UnwindBegun(SagaEvent):
    """The saga begins to undo its effects, if the pivot allows it."""

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
    """The saga has nothing left to do."""

    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class HoldBegun(SagaEvent):
    """The saga waits, so that it can still be cancelled."""

    until: datetime


@dataclass(frozen=True, kw_only=True)
class HoldEnded(SagaEvent):
    """The hold has ended."""


@dataclass(frozen=True, kw_only=True)
class WaitBegun(SagaEvent):
    """The saga waits for an event from outside."""

    event: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class EventReceived(SagaEvent):
    """An event from outside has arrived."""

    event: str


@dataclass(frozen=True, kw_only=True)
class WaitTimedOut(SagaEvent):
    """An event from outside did not arrive before its deadline."""

    event: str
