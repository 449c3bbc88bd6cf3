"""What a saga remembers of itself, for people to read. Nothing is decided by it: the fences hold the truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ordersaga.saga.desk import Decision


class StepState(StrEnum):
    """Where one step of a saga stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """It failed, and whether it had an effect is unknown."""
    GAVE_UP = "gave_up"
    """A retriable step that did not succeed before its deadline, or was refused."""
    UNDOING = "undoing"
    PARKED = "parked"
    """An undo that cannot finish by itself. It is retried slowly."""
    UNDONE = "undone"
    NOTHING_TO_UNDO = "nothing_to_undo"
    TOO_LATE = "too_late"
    """Its undo came too late: the effect stands."""
    DONE_BY_HAND = "done_by_hand"
    """A person has done it outside."""
    WRITTEN_OFF = "written_off"
    """A person has decided that it will not be done."""


@dataclass
class StepRecord:
    """One step: the id of its effect, its state, how often it was attempted and the last thing that went wrong."""

    name: str
    id: str
    state: StepState = StepState.PENDING
    attempts: int = 0
    undo_attempts: int = 0
    last_error: str | None = None


@dataclass(frozen=True)
class Decided:
    """A decision that was carried out, and when."""

    decision: Decision
    at: datetime


@dataclass(frozen=True)
class TimelineEvent:
    """Something that happened to a saga, and when."""

    at: datetime
    event: str
