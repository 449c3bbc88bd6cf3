"""How a saga is declared: its steps, what undoes each, and how patient it is."""

# No postponed annotations here: inside Temporal's sandbox pydantic could not look up what they name.

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

A = TypeVar("A")
R = TypeVar("R")
S = TypeVar("S")

FENCED = "Fenced"
"""The error type of a do that was turned away because an undo has been there."""

ID_TAKEN = "IdempotencyMismatch"
"""The error type of a do whose id already names a request with another body."""


class Kind(StrEnum):
    """What may become of a step (the terms are those of Garcia-Molina's sagas and Richardson's patterns)."""

    COMPENSATABLE = "compensatable"
    """Its undo can always be done."""
    PIVOT = "pivot"
    """Its undo decides which way the saga goes: undone, or too late and therefore forward."""
    RETRIABLE = "retriable"
    """It comes after the pivot. Repeated until it succeeds or its deadline has passed; a failure never unwinds."""


class UndoOutcome(StrEnum):
    """What an undo answers."""

    UNDONE = "undone"
    NOTHING_TO_UNDO = "nothing_to_undo"
    TOO_LATE = "too_late"


@dataclass(frozen=True)
class Undo:
    """What an undo activity is given: the id of the effect is all that it needs."""

    id: str
    reason: str = ""


@dataclass(frozen=True)
class Undone:
    """What an undo activity answers, and at which attempt."""

    outcome: UndoOutcome
    attempts: int = 1
    detail: str = ""


@dataclass(frozen=True)
class Step(Generic[A, R]):
    """One thing done in the outside world.

    `do` is an activity that takes one argument; where its answer has a field `attempts`, that is shown. `undo` is an
    activity from Undo to Undone. `prefix` and the saga's key make the id of the step's effect: `{prefix}-{key}`.
    """

    name: str
    prefix: str
    do: Callable[..., Awaitable[R]]
    undo: Callable[..., Awaitable[Undone]] | None = None
    kind: Kind = Kind.COMPENSATABLE
    title: str = ""


class Steps(Protocol):
    """What a story does its steps by."""

    async def do(self, step: Step[A, R], argument: A) -> R | None:
        """Do a compensatable step or the pivot. None if a person has done it by hand, or has written it off."""

    async def attempt(self, step: Step[A, R], argument: A) -> R | None:
        """Do a retriable step. None if it did not succeed before its deadline."""

    async def hold(self, duration: timedelta) -> None:
        """Wait, and let a cancel end the wait."""


Story = Callable[[S, Steps], Awaitable[None]]
"""What happens to a saga's subject when nothing goes wrong. It is told more than once, and not only in the workflow, so
it does nothing but steps, and decides by the subject and the steps' answers."""


@dataclass(frozen=True)
class Policy:
    """How patient a saga is. It must come with the saga's input, so that every replay sees the same."""

    call_timeout: timedelta = timedelta(seconds=10)
    """How long one attempt of a do or an undo may take."""
    step_deadline: timedelta = timedelta(seconds=120)
    """How long a do is retried after a fault; then its effect is unknown and the saga unwinds."""
    undo_patience: timedelta = timedelta(seconds=300)
    """How long an undo is retried before it is parked. A parked undo is retried for ever, every `parked_interval`."""
    parked_interval: timedelta = timedelta(seconds=60)
    fast_path: timedelta = timedelta(seconds=2)
    """How long a do's first attempt, on the fast path, may take. Zero turns the fast path off."""


class SagaDeclarationError(TypeError):
    """The steps do not make a saga."""


class Saga(Generic[S]):
    """A saga's story, and its steps in the order in which they are done. Checked when it is declared.

    `name` goes into the name of the activity that makes first attempts.
    """

    def __init__(self, name: str, story: Story[S], *steps: Step[Any, Any]) -> None:
        self.name = name
        self.story = story
        self.steps = steps
        self.pivot = next((step for step in steps if step.kind is Kind.PIVOT), None)
        _check(steps)

    @property
    def undo_order(self) -> tuple[Step[Any, Any], ...]:
        """The steps in the order in which they are undone: the pivot first, the others in reverse."""
        undoable = [step for step in reversed(self.steps) if step.undo is not None]
        return tuple(sorted(undoable, key=lambda step: step is not self.pivot))


def refusal(message: str, kind: str) -> ApplicationError:
    """The error that an activity raises for a definite no: `kind` names it, nothing took effect, nothing is retried."""
    return ApplicationError(message, type=kind, non_retryable=True, category=ApplicationErrorCategory.BENIGN)


_RANK = {Kind.COMPENSATABLE: 0, Kind.PIVOT: 1, Kind.RETRIABLE: 2}


def _check(steps: tuple[Step[Any, Any], ...]) -> None:
    if not steps:
        raise SagaDeclarationError("a saga has at least one step")
    for field in ("name", "prefix"):
        values = [getattr(step, field) for step in steps]
        if len(set(values)) != len(values):
            raise SagaDeclarationError(f"two steps have the same {field}: {', '.join(values)}")
    if sum(step.kind is Kind.PIVOT for step in steps) > 1:
        raise SagaDeclarationError("a saga has one pivot at the most: only one undo can decide which way it goes")
    ranks = [_RANK[step.kind] for step in steps]
    if ranks != sorted(ranks):
        raise SagaDeclarationError("steps come in this order: compensatable, the pivot, retriable")
    for step in steps:
        if step.undo is None and step.kind is not Kind.RETRIABLE:
            raise SagaDeclarationError(f"{step.name} is {step.kind} and therefore needs an undo")
