"""Holds a story to what its saga declares, wherever it is told: ahead, in the workflow, and there again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, NoReturn, TypeVar

from ordersaga.saga.definition import AnyStep, ExternalEvent, Kind, Saga, keys_of
from ordersaga.saga.exits import Misuse, StoryExit
from ordersaga.saga.step_state import StepRecord

R = TypeVar("R")
S = TypeVar("S")

DOES = (Kind.CHECK, Kind.COMPENSATABLE, Kind.PIVOT, Kind.REQUIRED)
"""The kinds of steps that must come true, or leave the story."""
TRIES = (Kind.RETRIABLE,)
"""The kinds of steps that may come to nothing."""


def records_of(saga: Saga[S], subject: S, saga_key: str) -> list[StepRecord]:
    """A record for each instance of each step, in their declared order."""
    return [
        StepRecord(record_name(step, key), step.name, step.effect_id(saga_key, key))
        for step in saga.steps
        for key in keys_of(step, subject)
    ]


def record_name(step: AnyStep, key: str) -> str:
    """The name of the record of a step, or of its instance with this key."""
    return f"{step.name}[{key}]" if key else step.name


async def side_by_side(keys: Sequence[str], do: Callable[[str], Awaitable[R]]) -> dict[str, R]:
    """Do something for each key, all at the same time; the answers by key."""
    return dict(zip(keys, await asyncio.gather(*map(do, keys)), strict=True))


class StoryGuard(Generic[S]):
    """One telling of a story: which steps it has begun, which are under way, and whether it has been told to leave."""

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
        """The record of a step that the story does now. Raises Misuse, before anything has happened."""
        self.check_going_on()
        if step not in self._saga.steps:
            self._misused(f"{step.name} is no step of {self._saga.name}: declare it there")
        if step.kind not in kinds:
            self._misused(f"{method} is not for {step.name}, which is {step.kind}")
        record = self.records.get(record_name(step, key))
        if record is None:
            self._misused(_unknown_key(step, key))
        place = self._saga.steps.index(step)
        if record.name in self._begun:
            self._misused(f"{record.name} is done twice: declare keys for its instances, and do each once")
        if place < self._last_step:
            last = self._saga.steps[self._last_step].name
            self._misused(f"{step.name} is done after {last}, and declared before it")
        self._begun.add(record.name)
        self._last_step = place
        return record

    def knows(self, event: ExternalEvent[S, Any]) -> None:
        """Raise Misuse unless the saga declares the event."""
        if event not in self._saga.events:
            self._misused(f"{event.name} is no event of {self._saga.name}: declare it there")

    def next_hold(self) -> str:
        """The name of the hold that the story comes to: holds are told apart by their place."""
        self.check_going_on()
        self._holds += 1
        return f"hold {self._holds}"

    def leave(self, leaving: StoryExit, by: asyncio.Task[Any] | None = None) -> StoryExit:
        """The story is left by this, in this task or the current one. The first counts; it is to be raised."""
        if self.exit is None:
            self.exit, self._left_by = leaving, by or asyncio.current_task()
        return self.exit

    def check_going_on(self) -> None:
        """Raise unless the story may go on: it is over, it was told to leave, or it has swallowed that it was."""
        if self._over:
            raise Misuse("a step was begun after the story had returned: await every step")
        if self.exit is None:
            return
        if asyncio.current_task() is self._left_by and not isinstance(self.exit, Misuse):
            self._misused(f"the story went on after it had been stopped by {type(self.exit).__name__}: {self.exit}")
        raise self.exit

    def finished(self) -> None:
        """The story has returned by itself. Raise Misuse if it must not have."""
        if self.exit is not None and not isinstance(self.exit, Misuse):
            self._misused(f"the story swallowed what was to stop it, {type(self.exit).__name__}: {self.exit}")
        if self.exit is None and self.under_way:
            self._misused("the story returned while a step was under way: await every step")
        self._over = True
        if self.exit is not None:
            raise self.exit

    def _misused(self, problem: str) -> NoReturn:
        self.exit, self._left_by = Misuse(problem), asyncio.current_task()
        raise self.exit


def _unknown_key(step: AnyStep, key: str) -> str:
    if step.keys is None:
        return f"{step.name} is done once, and has no instance {key!r}: declare keys for it"
    if not key:
        return f"{step.name} is done several times: say which instance by its key, or use do_all()"
    return f"{step.name} has no instance {key!r}: its declared keys do not have it"
