"""Where each step of a saga stands, for people to read. Nothing is decided by it: the fences hold the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ordersaga.saga.decisions import Decision
from ordersaga.saga.definition import EffectId


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
    UNDO_REQUESTED = "undo_requested"
    """Its undo was asked for, and is final later."""
    PARKED = "parked"
    """It cannot finish by itself. It is retried slowly, and waits for a person."""
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
    """One step, or one instance of a step that is done several times.

    `name` is the step's name, with the key of an instance in brackets: `parcel` or `parcel[2]`. `since` is when it came
    into its state, `next_try` when it is tried again, where that is known.
    """

    name: str
    step: str
    id: EffectId
    state: StepState = StepState.PENDING
    since: datetime | None = None
    attempts: int = 0
    undo_attempts: int = 0
    last_error: str | None = None
    next_try: datetime | None = None
    undoing: bool = False
    """Whether it is, or was last, being undone: what is parked is then its undo, else its do."""
    begun: int | None = field(default=None, repr=False)
    """The place at which it was begun among the steps of this run."""


@dataclass(frozen=True)
class Decided:
    """A decision that was carried out, and when."""

    decision: Decision
    at: datetime
