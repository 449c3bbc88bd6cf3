"""What outlives a run: a register takes a subject on, arbitrates how its saga ends, and keeps what people decide."""

# No postponed annotations here: inside Temporal's sandbox a data converter could not look up what they name.

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from ordersaga.saga.decisions import Choice
from ordersaga.saga.events import SagaEvent
from ordersaga.saga.outcome import Verdict
from ordersaga.saga.step_state import Decided, StepRecord

S = TypeVar("S")

CLAIM, UNWIND, FORWARD, CLOSE = "(claim)", "(unwind)", "(forward)", "(close)"
"""The calls to a register, where steps are named. No step can be called like this."""


UNCLAIMED = "Unclaimed"
"""The error type of a call about a subject that the register does not know: it is claimed, and the call repeated."""


class RegisterState(StrEnum):
    """What a register knows of how a saga ends. The first run to write an end decides it."""

    OPEN = "open"
    UNWINDING = "unwinding"
    """A run has announced that it undoes the saga: nobody may end it as standing, unless the pivot stands after all."""
    FORWARD = "forward"
    """The pivot stands, so that the saga can only go forward."""
    STANDS = "stands"
    """It has ended, and its effects stay."""
    UNDONE = "undone"
    """It has ended with nothing in effect."""

    @property
    def is_end(self) -> bool:
        """Whether the end is written."""
        return self in (RegisterState.STANDS, RegisterState.UNDONE)


@dataclass(frozen=True)
class KeptDecision:
    """A decision of an earlier run, or of this one, and whether it was on the step's undo."""

    step: str
    choice: Choice
    by: str
    at: datetime
    note: str = ""
    undoing: bool = False


@dataclass(frozen=True)
class Standing:
    """What every call to a register answers."""

    state: RegisterState
    decisions: list[KeptDecision] = field(default_factory=list)
    """All decisions so far, oldest first."""
    ending: Any = None
    """What was written at the end, as JSON, where it is not what the caller has just written."""
    attempts: int = 1


@dataclass(frozen=True)
class Notice:
    """What a register's `unwind` and `forward` are given: the run's key, whose it is, and why."""

    key: str
    owner: str
    reason: str = ""


@dataclass(frozen=True)
class DecisionNotice:
    """What a register's `decide` is given. The same `id` is the same decision, however often it comes."""

    key: str
    owner: str
    id: str
    decision: KeptDecision


@dataclass(frozen=True)
class SagaEnding:
    """How a saga has ended, for a register's `ending` to put into words."""

    key: str
    verdict: Verdict
    cancelled: bool
    error: str | None
    refusal: str | None
    cancel_reason: str | None
    steps: Sequence[StepRecord]
    answers: Mapping[str, Any]
    """What steps have answered, by the names of their records."""
    events: Sequence[SagaEvent]
    decided: Sequence[Decided]
    ahead: bool = False
    """Whether it was written on the fast path, where the run may forget it."""


@dataclass(frozen=True, eq=False)
class Register(Generic[S]):
    """The activities that speak to a register. Each answers with a Standing, and may be repeated.

    They are retried until they are answered: while a register is away, no saga begins and none ends.
    """

    claim: Callable[..., Awaitable[Standing]]
    """Is given the subject, before anything else happens. Raises `refusal()` where the subject may not begin, such as
    one whose key belongs to another: the run ends then, and nothing is undone, because nothing was done."""
    unwind: Callable[..., Awaitable[Standing]]
    """Is given a Notice before the pivot is asked. From OPEN it becomes UNWINDING; an end that is written stays."""
    forward: Callable[..., Awaitable[Standing]]
    """Is given a Notice when the pivot stands: FORWARD."""
    close: Callable[..., Awaitable[Standing]]
    """Is given what `ending` makes of a SagaEnding. It raises `refusal()` of type FENCED for a saga that is to stand
    while UNWINDING is written."""
    decide: Callable[..., Awaitable[Standing]]
    """Is given a DecisionNotice, and keeps it before the person is told that it was accepted."""
    ending: Callable[[S, SagaEnding], Any]
    fast_path: bool = False
    """Whether the claim, and the end of a saga in which nothing went wrong, may be written on the fast path."""
