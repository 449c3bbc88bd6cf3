"""Checks that a story does what its saga declares, on the fast path and in the workflow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, NoReturn, TypeVar

from ordersaga.saga.definition import AnyStep, ExternalEvent, Kind, Saga, keys_of
from ordersaga.saga.exits import Misuse, StoryExit
from ordersaga.saga.step_state import StepRecord

R = TypeVar("R")
S = TypeVar("S")

MUST_SUCCEED = (Kind.CHECK, Kind.COMPENSATABLE, Kind.PIVOT, Kind.REQUIRED)
"""The kinds of steps that must succeed or else leave the story."""
MAY_FAIL = (Kind.RETRIABLE,)
"""The kinds of steps that may fail."""


def records_of(saga: Saga[S], subject: S, saga_key: str) -> list[StepRecord]:
    """Create a record for each instance of each step, in the declared order."""
    return [
        StepRecord(record_name(step, key), step.name, step.effect_id(saga_key, key))
        for step in saga.steps
        for key in keys_of(step, subject)
    ]


def record_name(step: AnyStep, key: str) -> str:
    """The name of the record of a step, or of its instance with this key."""
    return f"{step.name}[{key}]" if key else step.name


async def side_by_side(keys: Sequence[str], do: Callable[[str], Awaitable[R]]) -> dict[str, R]:
    """Run `do` for all keys concurrently, and return the answers by key."""
    return dict(zip(keys, await asyncio.gather(*map(do, keys)), strict=True))


class StoryGuard(Generic[S]):
    """One run through a story: the steps that it has begun, those still running, and whether it has to leave."""

    def __init__(self, saga: Saga[S], records: Mapping[str, StepRecord]) -> None:
        self.exit: StoryExit | None = None
        self.under_way = 0
        self.records = records
        self._saga = saga
        self._begun: set[str] = set()
        self._last_step = 0
        self._holds = 0
        self._left_by: asyncio.Task[Any] | None = None
        self._over = False

    def begin(self, step: AnyStep, key: str, kinds: Sequence[Kind], method: str) -> StepRecord:
        """Return the record of the step that the story does now. Raises Misuse, before anything has happened."""
        self.check_going_on()
        if step not in self._saga.steps:
            self._raise_misuse(f"{step.name} is not a step of {self._saga.name}: declare it in the saga")
        if step.kind not in kinds:
            self._raise_misuse(f"{method} is not for {step.name}, which is {step.kind}")
        record = self.records.get(record_name(step, key))
        if record is None:
            self._raise_misuse(_unknown_key(step, key))
        place = self._saga.steps.index(step)
        if record.name in self._begun:
            self._raise_misuse(f"{record.name} is done twice: declare keys for its instances, and do each once")
        if place < self._last_step:
            last = self._saga.steps[self._last_step].name
            self._raise_misuse(f"{step.name} is done after {last}, and declared before it")
        self._begun.add(record.name)
        self._last_step = place
        return record

    def knows(self, event: ExternalEvent[S, Any]) -> None:
        """Raise Misuse unless the saga declares the event."""
        if event not in self._saga.events:
            self._raise_misuse(f"{event.name} is not an event of {self._saga.name}: declare it in the saga")

    def next_hold(self) -> str:
        """The name of the story's next hold. Holds are numbered by their place."""
        self.check_going_on()
        self._holds += 1
        return f"hold {self._holds}"

    def leave(self, leaving: StoryExit, by: asyncio.Task[Any] | None = None) -> StoryExit:
        """Record why the story is left, by this task or the current one, and return what to raise.

        The first reason counts.
        """
        if self.exit is None:
            self.exit, self._left_by = leaving, by or asyncio.current_task()
        return self.exit

    def check_going_on(self) -> None:
        """Raise if the story may not continue: it is over, was stopped, or swallowed the exception that stopped it."""
        if self._over:
            raise Misuse("a step was begun after the story had returned: await every step")
        if self.exit is None:
            return
        if asyncio.current_task() is self._left_by and not isinstance(self.exit, Misuse):
            self._raise_misuse(
                f"the story went on after it had been stopped by {type(self.exit).__name__}: {self.exit}"
            )
        raise self.exit

    def finished(self) -> None:
        """Record that the story has returned by itself. Raises Misuse if it was not allowed to."""
        if self.exit is not None and not isinstance(self.exit, Misuse):
            self._raise_misuse(f"the story swallowed what was to stop it, {type(self.exit).__name__}: {self.exit}")
        if self.exit is None and self.under_way:
            self._raise_misuse("the story returned while a step was under way: await every step")
        self._over = True
        if self.exit is not None:
            raise self.exit

    def _raise_misuse(self, problem: str) -> NoReturn:
        self.exit, self._left_by = Misuse(problem), asyncio.current_task()
        raise self.exit


def _unknown_key(step: AnyStep, key: str) -> str:
    if step.keys is None:
        return f"{step.name} is done once, and has no instance {key!r}: declare keys for it"
    if not key:
        return f"{step.name} is done several times: say which instance by its key, or use do_all()"
    return f"{step.name} has no instance {key!r}: its declared keys do not have it"
