"""How to declare a saga: its steps, what undoes each step, the events it waits for, and its policy."""

# No postponed annotations here: inside Temporal's sandbox, a data converter could not resolve them.

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar, TypeVarTuple, Unpack

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from ordersaga.saga.effect import EffectId, UndoResult
from ordersaga.saga.register import Register

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S")
V = TypeVar("V")
Inputs = TypeVarTuple("Inputs")

FENCED = "Fenced"
"""The error type of a do that was rejected because its undo came first."""

ID_TAKEN = "IdempotencyMismatch"
"""The error type of a do whose effect id already names a different request."""

NOT_YOURS = "NotYours"
"""The error type of a do or an undo whose effect id names an effect of another owner."""

NOT_YET = "NotYet"
"""The error type of a poll that found nothing yet."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_KEY = re.compile(r"[A-Za-z0-9_.~]+")


class SagaDeclarationError(TypeError):
    """The declaration is not a valid saga. Raised when the module is imported, before anything runs."""


class Kind(StrEnum):
    """How a step may end. The terms come from Garcia-Molina's sagas and Richardson's patterns."""

    CHECK = "check"
    """It has no effect, so there is nothing to undo. If it is refused, the saga is undone."""
    COMPENSATABLE = "compensatable"
    """Its undo always succeeds eventually."""
    PIVOT = "pivot"
    """Its undo decides which way the saga goes: back if it is undone, forward if it is too late to undo."""
    REQUIRED = "required"
    """It comes after the pivot and must succeed. If it cannot, the engine tries to undo the pivot. If the pivot stands,
    a person decides."""
    RETRIABLE = "retriable"
    """It comes last. It is repeated until it succeeds or its deadline has passed. Its failure never unwinds the saga.
    """


@dataclass(frozen=True, eq=False)
class Step(Generic[S, R_co, *Inputs]):
    """One action in the outside world, for the subject of a saga.

    `request` builds the input of `do` from the subject, the effect id and the values that the story passes on:
    `request(subject, effect_id, *inputs)`. The engine makes the id. `do` is an activity that takes that request; if its
    answer has a field `attempts`, the status shows it. `undo` is an activity from UndoRequest to UndoResult.
    """

    name: str
    request: Callable[[S, EffectId, Unpack[Inputs]], Any]
    do: Callable[..., Awaitable[R_co]]
    undo: Callable[..., Awaitable[UndoResult]] | None = None
    kind: Kind = Kind.COMPENSATABLE
    prefix: str = ""
    """The prefix of the step's effect ids. Defaults to the name."""
    title: str = ""
    """The text in Temporal's Web UI. Defaults to the name."""
    keys: Callable[[S], Iterable[str]] | None = None
    """For a step that is done several times: the keys of its instances. They follow from the subject alone, so the
    engine can undo every instance even if the run does not know whether it began."""
    undone_by: "Step[S, Any, *tuple[Any, ...]] | None" = None
    """For a step without its own undo: the earlier step whose undo also takes back this effect."""
    fast_path: bool = False
    """Whether the first attempt may run in one local activity with others. For calls that take less than about a
    second."""
    call_timeout: timedelta | None = None
    """The timeout of one attempt. This field and the next two override the policy."""
    step_deadline: timedelta | None = None
    undo_patience: timedelta | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", self.prefix or self.name)
        object.__setattr__(self, "title", self.title or self.name)
        for value in (self.name, self.prefix):
            if not _NAME.fullmatch(value):
                raise SagaDeclarationError(f"{value!r} does not name a step: use letters, digits and underscores")
        _check_undo(self)

    def effect_id(self, saga_key: str, key: str = "") -> EffectId:
        """The id of the step's effect, or of its instance with this key."""
        return EffectId(self.prefix, saga_key, key)


@dataclass(frozen=True, eq=False)
class ExternalEvent(Generic[S, V]):
    """Something that happens outside and that a saga waits for.

    A signal or an update delivers it with `SagaRun.deliver`, possibly before the wait begins. Because a webhook may
    never arrive, `poll` checks as well: it is an activity that takes `request(subject)` and returns the value or raises
    `not_yet()`. The server calls it every `every`, which does not grow the history.
    """

    name: str
    value_type: type[V]
    poll: Callable[..., Awaitable[V]] | None = None
    request: Callable[[S], Any] = field(default=lambda subject: subject)
    every: timedelta = timedelta(minutes=5)
    call_timeout: timedelta = timedelta(seconds=10)
    ends_on_cancel: bool = True
    """Whether a cancel ends the wait. If not, the cancel takes effect after the event has come or its deadline has
    passed."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise SagaDeclarationError(f"{self.name!r} does not name an event: use letters, digits and underscores")


class SagaContext(Protocol[S]):
    """The methods with which a story does its steps."""

    async def do(self, step: Step[S, R, *Inputs], *inputs: *Inputs, key: str = "") -> R | None:
        """Do a step, and return its answer. Leaves the story if the step cannot be done.

        Returns None only once the pivot stands and a person has done the step by hand or has written it off.
        """

    async def do_all(self, step: Step[S, R, *Inputs], *inputs: *Inputs) -> dict[str, R | None]:
        """Do all instances of a step concurrently, and return their answers by key."""

    async def try_step(self, step: Step[S, R, *Inputs], *inputs: *Inputs, key: str = "") -> R | None:
        """Do a retriable step. Returns None if it did not succeed before its deadline."""

    async def hold(self, duration: timedelta) -> None:
        """Wait. A cancel ends the wait."""

    async def wait_for(self, event: ExternalEvent[S, V], deadline: timedelta) -> V | None:
        """Wait for an event, and return its value. Leaves the story if the event does not come in time.

        Returns None only once the pivot stands.
        """

    def refuse(self, kind: str, message: str) -> None:
        """Refuse the subject for a reason that the story found: leave the story, and undo everything."""


Story = Callable[[S, SagaContext[S]], Awaitable[None]]
"""What happens to a saga's subject when nothing goes wrong.

A story runs more than once, and not only in the workflow. So it must do nothing but steps, and make decisions only from
the subject and the steps' answers.
"""


@dataclass(frozen=True)
class Policy:
    """A saga's timeouts and retry intervals.

    It must be part of the saga's input, so that every replay uses the same values.
    """

    call_timeout: timedelta = timedelta(seconds=10)
    """The timeout of one attempt of a do or an undo."""
    step_deadline: timedelta = timedelta(seconds=120)
    """How long a do is retried after a fault. Then its effect is unknown, and the saga unwinds."""
    undo_patience: timedelta = timedelta(seconds=300)
    """How long an undo is retried before it is parked."""
    parked_interval: timedelta = timedelta(seconds=60)
    """The first pause between attempts of a parked step. The pauses grow."""
    requested_interval: timedelta = timedelta(hours=1)
    """The first pause before a requested undo is asked again. The pauses grow."""
    fast_path: timedelta = timedelta(seconds=2)
    """The timeout of a first attempt on the fast path, at most three seconds. Zero turns the fast path off."""

    def of(self, step: "AnyStep") -> "Policy":
        """This policy, with the values that a step overrides."""
        own = {
            "call_timeout": step.call_timeout,
            "step_deadline": step.step_deadline,
            "undo_patience": step.undo_patience,
        }
        return replace(self, **{name: value for name, value in own.items() if value is not None})


AnyStep = Step[Any, Any, *tuple[Any, ...]]


class Saga(Generic[S]):
    """A saga's story, its steps in the order in which they are done, and the events that it waits for.

    `owner` returns who owns a subject's effects, such as a hash of the request. Undos carry it, and the steps' requests
    should too, so that a fence can reject another subject with the same id. `register` outlives the run: it arbitrates
    how the saga ends and keeps people's decisions. `name` is part of the name of the first-attempts activity. Raises
    SagaDeclarationError.
    """

    def __init__(
        self,
        name: str,
        story: Story[S],
        *steps: Step[S, Any, *tuple[Any, ...]],
        events: Sequence[ExternalEvent[S, Any]] = (),
        owner: Callable[[S], str] = lambda subject: "",
        register: Register[S] | None = None,
    ) -> None:
        self.name = name
        self.story = story
        self.steps = steps
        self.events = tuple(events)
        self.owner = owner
        self.register = register
        self.pivot = next((step for step in steps if step.kind is Kind.PIVOT), None)
        _check_steps(steps)
        _check_distinct("event", [event.name for event in events])

    def changed(self, name: str, story: Story[S], *steps: Step[S, Any, *tuple[Any, ...]]) -> "Saga[S]":
        """The same saga with another story and other steps. Its events, owner and register stay."""
        return Saga(name, story, *steps, events=self.events, owner=self.owner, register=self.register)


def refusal(message: str, kind: str) -> ApplicationError:
    """The error that an activity raises for a refusal. `kind` names it; nothing took effect, and nothing is retried."""
    return ApplicationError(message, type=kind, non_retryable=True, category=ApplicationErrorCategory.BENIGN)


def not_yet(message: str = "it has not happened yet") -> ApplicationError:
    """The error that a poll raises while there is nothing to report. The poll is repeated later."""
    return ApplicationError(message, type=NOT_YET, category=ApplicationErrorCategory.BENIGN)


def keys_of(step: Step[S, Any, *tuple[Any, ...]], subject: S) -> list[str]:
    """The keys of a step's instances for this subject; a single empty key for a step that is done once.

    Raises SagaDeclarationError for keys that would give two effects the same id.
    """
    if step.keys is None:
        return [""]
    keys = list(step.keys(subject))
    for key in keys:
        if not (isinstance(key, str) and _KEY.fullmatch(key)):
            raise SagaDeclarationError(
                f"{key!r} is not a valid key of {step.name}: use letters, digits, underscores, dots and tildes"
            )
    _check_distinct(f"key of {step.name}", keys)
    return keys


_RANK = {Kind.CHECK: 0, Kind.COMPENSATABLE: 0, Kind.PIVOT: 1, Kind.REQUIRED: 2, Kind.RETRIABLE: 3}


def _check_undo(step: AnyStep) -> None:
    if step.kind is Kind.CHECK:
        if step.undo or step.undone_by:
            raise SagaDeclarationError(f"{step.name} is a check: it has no effect, and needs no undo")
    elif step.undo and step.undone_by:
        raise SagaDeclarationError(f"{step.name} has an undo of its own, and is undone by {step.undone_by.name}")
    elif step.kind in (Kind.COMPENSATABLE, Kind.PIVOT) and step.undo is None:
        raise SagaDeclarationError(f"{step.name} is {step.kind} and therefore needs an undo")
    elif step.kind is Kind.REQUIRED and not (step.undo or step.undone_by):
        raise SagaDeclarationError(f"{step.name} is required: give its undo, or undone_by the step that undoes it")


def _check_steps(steps: Sequence[AnyStep]) -> None:
    if not steps:
        raise SagaDeclarationError("a saga has at least one step")
    _check_distinct("step name", [step.name for step in steps])
    _check_distinct("step prefix", [step.prefix for step in steps])
    pivots = sum(step.kind is Kind.PIVOT for step in steps)
    if pivots > 1:
        raise SagaDeclarationError("a saga has one pivot at the most: only one undo can decide which way it goes")
    if any(step.kind is Kind.REQUIRED for step in steps) and not pivots:
        raise SagaDeclarationError("a required step comes after a pivot; without one, make it compensatable")
    ranks = [_RANK[step.kind] for step in steps]
    if ranks != sorted(ranks):
        raise SagaDeclarationError("steps come in this order: checks and compensatable, the pivot, required, retriable")
    for place, step in enumerate(steps):
        if step.undone_by is not None and not (step.undone_by in steps[:place] and step.undone_by.undo):
            raise SagaDeclarationError(
                f"{step.name} is undone by {step.undone_by.name}, which is not an earlier step with an undo"
            )


def _check_distinct(description: str, values: Sequence[str]) -> None:
    if twice := {value for value in values if values.count(value) > 1}:
        raise SagaDeclarationError(f"duplicate {description}: {', '.join(sorted(twice))}")
