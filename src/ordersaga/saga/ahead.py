"""The fast path: an activity that runs a story ahead, by one attempt of each step, while all goes well."""

# No postponed annotations here: inside Temporal's sandbox the converter could not look up what they name.

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar, get_type_hints

from temporalio import activity
from temporalio.converter import PayloadConverter
from temporalio.exceptions import ApplicationError

from ordersaga.saga.step import Saga, SagaDeclarationError, Step

A = TypeVar("A")
R = TypeVar("R")


@dataclass(frozen=True)
class Start:
    """Where a story is taken up: the step, the answers of those before it, and the seconds that an attempt may take."""

    step: str
    seconds: float
    answers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed. A `final` one is not worth another attempt."""

    message: str
    type: str | None = None
    final: bool = False


@dataclass(frozen=True)
class Tried:
    """One step's attempt: when it began and ended, in seconds since the story was taken up, and what came of it."""

    step: str
    began: float
    ended: float
    answer: Any = None
    failure: Failure | None = None


def activity_name(saga: Saga[Any]) -> str:
    """The name of the activity that runs a saga ahead."""
    return f"{saga.name}_first_attempts"


def first_attempts(saga: Saga[Any], activities: Iterable[Callable[..., Any]]) -> Callable[..., Any]:
    """The activity that runs a saga ahead, for the worker that has the activities of its steps.

    They are told by their names, as Temporal does, so a test may give it others. Raises SagaDeclarationError if one is
    missing.
    """
    named = {_name_of(each): each for each in activities}
    missing = [step.name for step in saga.steps if _name_of(step.do) not in named]
    if missing:
        raise SagaDeclarationError(f"there is no activity that does {', '.join(missing)}")
    calls = {step.name: named[_name_of(step.do)] for step in saga.steps}

    async def run_ahead(subject: Any, start: Start) -> list[Tried]:
        ahead = _Ahead(start, calls, activity.payload_converter())
        with suppress(_Enough):
            await saga.story(subject, ahead)
        return ahead.tried

    run_ahead.__annotations__["subject"] = _subject_of(saga)
    return activity.defn(name=activity_name(saga))(run_ahead)


def answer_of(step: Step[Any, R], value: Any, converter: PayloadConverter) -> R:
    """A step's answer, of the type that its `do` returns, from plain JSON."""
    answer: R = converter.from_payload(converter.to_payload(value), _answer_type(step.do))
    return answer


class _Enough(Exception):
    """The story has come as far as it comes at once."""


class _Ahead:
    """Does a story's steps by plain calls, one attempt each, until one fails, the story holds or the time is over."""

    def __init__(self, start: Start, calls: Mapping[str, Callable[..., Any]], converter: PayloadConverter) -> None:
        self.tried: list[Tried] = []
        self._start, self._calls, self._converter = start, calls, converter
        self._taken_up = False
        self._zero = asyncio.get_running_loop().time()

    async def do(self, step: Step[A, R], argument: A) -> R | None:
        """Attempt a step, or give the answer that it has had."""
        self._taken_up = self._taken_up or step.name == self._start.step
        if not self._taken_up:
            known = self._start.answers.get(step.name)
            return None if known is None else answer_of(step, known, self._converter)
        return await self._attempt(step, argument)

    async def attempt(self, step: Step[A, R], argument: A) -> R | None:
        """Attempt a step, or give the answer that it has had."""
        return await self.do(step, argument)

    async def hold(self, duration: timedelta) -> None:
        """What is ahead of a hold is for later."""
        if self._taken_up and duration:
            raise _Enough

    async def _attempt(self, step: Step[A, R], argument: A) -> R | None:
        began = self._clock()
        if self.tried and began > self._start.seconds:
            raise _Enough
        answer: R | None = None
        failure: Failure | None = None
        try:
            async with asyncio.timeout(self._start.seconds):
                answer = await self._calls[step.name](argument)
        except TimeoutError:
            failure = Failure(f"no answer within {self._start.seconds:g} s")
        except ApplicationError as error:
            failure = Failure(error.message, error.type, error.non_retryable)
        except Exception as error:
            failure = Failure(str(error), type(error).__name__)
        self.tried.append(Tried(step.name, began, self._clock(), answer, failure))
        if failure is not None:
            raise _Enough
        return answer

    def _clock(self) -> float:
        return asyncio.get_running_loop().time() - self._zero


@cache
def _answer_type(do: Callable[..., Any]) -> Any:
    return get_type_hints(do).get("return")


def _name_of(call: Callable[..., Any]) -> str:
    # The SDK has no public way to ask for it.
    name: str = call.__temporal_activity_definition.name  # type: ignore[attr-defined]
    return name


def _subject_of(saga: Saga[Any]) -> Any:
    hints = get_type_hints(saga.story)
    return next((kind for name, kind in hints.items() if name != "return"), Any)
