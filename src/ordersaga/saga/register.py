"""The register outlives a run: it accepts a subject, arbitrates how its saga ends, and keeps people's decisions."""

# No postponed annotations here: inside Temporal's sandbox, a data converter could not resolve them.

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
"""The names of the calls to a register, where steps are named. No step can have such a name."""


UNCLAIMED = "Unclaimed"
"""The error type of a call about a subject that the register does not know. The engine claims it and repeats the call.
"""


class RegisterState(StrEnum):
    """What a register knows about the end of a saga. The first run to write an end decides it."""

    OPEN = "open"
    UNWINDING = "unwinding"
    """A run has announced that it undoes the saga. Nobody may write that it stands, unless the pivot stands after all.
    """
    FORWARD = "forward"
    """The pivot stands, so the saga can only go forward."""
    STANDS = "stands"
    """The saga has ended, and its effects stay."""
    UNDONE = "undone"
    """The saga has ended with nothing in effect."""

    @property
    def is_end(self) -> bool:
        """Whether the end is written."""
        return self in (RegisterState.STANDS, RegisterState.UNDONE)


@dataclass(frozen=True)
class KeptDecision:
    """A decision of an earlier run or of this one, and whether it was about the step's undo."""

    step: str
    choice: Choice
    by: str
    at: datetime
    note: str = ""
    undoing: bool = False


@dataclass(frozen=True)
class Standing:
    """The answer of every call to a register."""

    state: RegisterState
    decisions: list[KeptDecision] = field(default_factory=list)
    """All decisions so far, oldest first."""
    ending: Any = None
    """The end that was written, as JSON, if it differs from what the caller has just written."""
    attempts: int = 1


@dataclass(frozen=True)
class Notice:
    """The input of a register's `unwind` and `forward`: the run's key, the owner, and the reason."""

    key: str
    owner: str
    reason: str = ""


@dataclass(frozen=True)
class DecisionNotice:
    """The input of a register's `decide`. The same `id` is the same decision, however often it is sent."""

    key: str
    owner: str
    id: str
    decision: KeptDecision


@dataclass(frozen=True)
class SagaEnding:
    """How a saga has ended, for a register's `ending` to describe."""

    key: str
    verdict: Verdict
    cancelled: bool
    error: str | None
    refusal: str | None
    cancel_reason: str | None
    steps: Sequence[StepRecord]
    answers: Mapping[str, Any]
    """The answers of the steps, by the names of their records."""
    events: Sequence[SagaEvent]
    decided: Sequence[Decided]
    ahead: bool = False
    """Whether it was written on the fast path, where the run may lose it."""


@dataclass(frozen=True, eq=False)
class Register(Generic[S]):
    """The activities that call a register. Each returns a Standing and may be repeated.

    They are retried until they succeed: while a register is unavailable, no saga begins or ends.
    """

    claim: Callable[..., Awaitable[Standing]]
    """Takes the subject, before anything else happens. Raises `refusal()` if the subject may not begin, for example
    because its key belongs to another subject. The run then ends, and undoes nothing because it did nothing."""
    unwind: Callable[..., Awaitable[Standing]]
    """Takes a Notice, before the pivot is undone. OPEN becomes UNWINDING; an end that is already written stays."""
    forward: Callable[..., Awaitable[Standing]]
    """Takes a Notice when the pivot stands. The state becomes FORWARD."""
    close: Callable[..., Awaitable[Standing]]
    """Takes the result of `ending` for a SagaEnding. Raises `refusal()` of type FENCED for a saga that is to stand
    while the state is UNWINDING."""
    decide: Callable[..., Awaitable[Standing]]
    """Takes a DecisionNotice, and stores it before the person gets the confirmation."""
    ending: Callable[[S, SagaEnding], Any]
    fast_path: bool = False
    """Whether the claim, and the end of a saga without failures, may be written on the fast path."""
