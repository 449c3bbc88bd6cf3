"""The state of each step of a saga, for people to read. The engine decides nothing by it: the fences hold the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ordersaga.saga.decisions import Decision
from ordersaga.saga.effect import EffectId


class StepState(StrEnum):
    """The state of one step of a saga."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """It failed, and its effect is unknown."""
    GAVE_UP = "gave_up"
    """A retriable step that was refused or did not succeed before its deadline."""
    UNDOING = "undoing"
    UNDO_REQUESTED = "undo_requested"
    """Its undo was requested and becomes final later."""
    PARKED = "parked"
    """It cannot finish by itself. It is retried slowly and waits for a person."""
    UNDONE = "undone"
    NOTHING_TO_UNDO = "nothing_to_undo"
    TOO_LATE = "too_late"
    """Its undo came too late: the effect stands."""
    DONE_BY_HAND = "done_by_hand"
    """A person did it outside the saga."""
    WRITTEN_OFF = "written_off"
    """A person decided that it will not be done."""


@dataclass
class StepRecord:
    """One step, or one instance of a step that is done several times.

    `name` is the step's name, with an instance's key in brackets: `parcel` or `parcel[2]`. `since` is when it entered
    its state, `next_try` when the next attempt is due, if known.
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
    """Whether its undo is running or was the last to run. If so, a parked step's undo is parked, otherwise its do."""
    begun: int | None = field(default=None, repr=False)
    """The step's place in this run's order of starting."""


@dataclass(frozen=True)
class Decided:
    """A decision that was carried out, and when."""

    decision: Decision
    at: datetime
