"""The activity that makes first attempts: how far it runs a story, and what it returns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.testing import ActivityEnvironment

from ordersaga.saga import (
    EffectId,
    ExternalEvent,
    Kind,
    Saga,
    SagaContext,
    Step,
    UndoOutcome,
    UndoRequest,
    UndoResult,
    first_attempts,
    refusal,
)
from ordersaga.saga.first_attempts import AttemptOutcome, Checkpoint, Failure, activity_name


@dataclass
class Answer:
    """The answer of a step."""

    text: str


class World:
    """Behaves for each effect as scripted: answers, raises, or never answers."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.script: dict[str, Exception | None] = {}
        self.cancelled = 0
        self.slow: set[str] = set()

    @activity.defn
    async def do(self, effect: str) -> Answer:
        """Answer as scripted."""
        self.calls.append(effect)
        for _ in range(20 if effect in self.slow else 0):
            await asyncio.sleep(0)
        if effect not in self.script:
            return Answer(f"answer of {effect}")
        error = self.script[effect]
        if error is not None:
            raise error
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        raise AssertionError

    @activity.defn
    async def undo(self, undo: UndoRequest) -> UndoResult:
        """Not called."""
        return UndoResult(UndoOutcome.UNDONE)


def request(subject: str, effect_id: EffectId, *more: Any) -> str:
    if subject == "buggy":
        raise KeyError("no such line")
    return "/".join([effect_id, *map(str, more)])


def step(name: str, kind: Kind = Kind.COMPENSATABLE, *, fast_path: bool = True, **more: Any) -> Step[str, Answer]:
    return Step(name, request, World.do, World.undo, kind, fast_path=fast_path, **more)


A, B, SLOW = step("a"), step("b"), step("slow", fast_path=False)
PARCEL = step("parcel", keys=lambda subject: ["1", "2"])
LAST = step("last", Kind.RETRIABLE)
PAID = ExternalEvent[str, Answer]("paid", Answer)
Story = Callable[[SagaContext[str]], Awaitable[object]]


@dataclass
class Ahead:
    """Runs a story ahead, and keeps what the story saw."""

    world: World = field(default_factory=World)
    seen: list[Any] = field(default_factory=list)

    async def run(self, story: Story, checkpoint: Checkpoint | None = None, subject: str = "s") -> list[AttemptOutcome]:
        """Run a story ahead, and return the result of each step's attempt."""

        async def of_subject(subject: str, saga: SagaContext[str]) -> None:
            await story(saga)

        saga = Saga("s", of_subject, A, PARCEL, SLOW, B, LAST, events=[PAID])
        made = first_attempts(saga, [self.world.do, self.world.undo])
        outcomes: list[AttemptOutcome] = await ActivityEnvironment().run(
            made, subject, checkpoint or Checkpoint("1", 5.0)
        )
        return outcomes

    async def of(self, story: Story, checkpoint: Checkpoint | None = None) -> dict[str, Failure | None]:
        """Run a story ahead, and return how each attempt failed, if it did."""
        return {each.step: each.failure for each in await self.run(story, checkpoint)}


@pytest.fixture
def ahead() -> Ahead:
    return Ahead()


async def test_steps_are_done_until_one_is_not_for_the_fast_path(ahead: Ahead) -> None:
    async def story(saga: SagaContext[str]) -> None:
        ahead.seen.append(await saga.do(A))
        ahead.seen.append(await saga.do_all(PARCEL))
        await saga.do(SLOW)

    outcomes = await ahead.run(story)

    assert [(each.step, each.answer, each.failure) for each in outcomes] == [
        ("a", Answer("answer of a-1"), None),
        ("parcel[1]", Answer("answer of parcel-1-1"), None),
        ("parcel[2]", Answer("answer of parcel-1-2"), None),
    ]
    assert all(0 <= each.began <= each.ended < 5 for each in outcomes)
    answers = {key: Answer(f"answer of parcel-1-{key}") for key in "12"}
    assert ahead.seen == [Answer("answer of a-1"), answers]


async def test_a_retriable_step_is_tried_and_is_given_what_the_story_passes_on(ahead: Ahead) -> None:
    async def story(saga: SagaContext[str]) -> None:
        ahead.seen.append(await saga.try_step(LAST))

    assert await ahead.of(story) == {"last": None}
    assert ahead.seen == [Answer("answer of last-1")]


async def test_what_is_answered_already_is_not_done_again(ahead: Ahead) -> None:
    async def story(saga: SagaContext[str]) -> None:
        ahead.seen.append(await saga.do(A))
        ahead.seen.append(await saga.do(B))

    assert await ahead.of(story, Checkpoint("1", 5.0, {"a": {"text": "before"}})) == {"b": None}
    assert ahead.seen[0] == Answer("before")
    assert ahead.world.calls == ["b-1"]
    ahead.seen.clear()
    assert await ahead.of(story, Checkpoint("1", 5.0, {"a": None})) == {"b": None}
    assert ahead.seen[0] is None, "a person has done it"


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (refusal("sold out", "SoldOut"), Failure("sold out", "SoldOut", True)),
        (RuntimeError("broken"), Failure("broken", "RuntimeError", False)),
        (None, Failure("no answer within 0.05 s", None, False)),
    ],
    ids=["no", "fault", "late"],
)
async def test_a_failure_ends_it(ahead: Ahead, error: Exception | None, failure: Failure) -> None:
    ahead.world.script["a-1"] = error

    async def story(saga: SagaContext[str]) -> None:
        await saga.do(A)
        await saga.do(B)

    assert await ahead.of(story, Checkpoint("1", 0.05)) == {"a": failure}
    assert ahead.world.calls == ["a-1"]


async def test_no_step_is_begun_once_the_time_is_over_but_the_first_always_is(ahead: Ahead) -> None:
    async def story(saga: SagaContext[str]) -> None:
        await saga.do(A)
        loop, begun = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        while loop.time() < begun + 0.06:
            await asyncio.sleep(0.02)
        await saga.do(B)

    assert await ahead.of(story, Checkpoint("1", 0.05)) == {"a": None}

    async def late(saga: SagaContext[str]) -> None:
        loop, begun = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        while loop.time() < begun + 0.06:
            await asyncio.sleep(0.02)
        await saga.do(B)

    assert await ahead.of(late, Checkpoint("1", 0.05)) == {"b": None}


async def test_holds_stop_it_until_they_are_over(ahead: Ahead) -> None:
    async def story(saga: SagaContext[str]) -> None:
        await saga.hold(timedelta(0))
        await saga.do(A)
        await saga.hold(timedelta(seconds=1))
        await saga.do(B)

    assert await ahead.of(story) == {"a": None}, "one of no length is over at once"
    assert await ahead.of(story, Checkpoint("1", 5.0, waits={"hold 1": None})) == {"a": None}
    assert await ahead.of(story, Checkpoint("1", 5.0, waits={"hold 2": None})) == {"a": None, "b": None}


async def test_waits_stop_it_until_they_are_over(ahead: Ahead) -> None:
    async def story(saga: SagaContext[str]) -> None:
        await saga.do(A)
        ahead.seen.append(await saga.wait_for(PAID, timedelta(0)))
        await saga.do(B)

    assert await ahead.of(story) == {"a": None}
    assert await ahead.of(story, Checkpoint("1", 5.0, waits={"paid": {"text": "17"}})) == {"a": None, "b": None}
    assert await ahead.of(story, Checkpoint("1", 5.0, waits={"paid": None})) == {"a": None, "b": None}
    assert ahead.seen == [Answer("17"), None]


async def test_a_refusal_of_the_storys_own_is_left_to_the_workflow(ahead: Ahead) -> None:
    async def story(saga: SagaContext[str]) -> None:
        await saga.do(A)
        saga.refuse("TooMuch", "too much")
        await saga.do(B)

    assert await ahead.of(story) == {"a": None}


async def test_steps_side_by_side_are_all_seen_to_their_end_and_none_is_begun_after(ahead: Ahead) -> None:
    ahead.world.script["a-1"] = RuntimeError("broken")
    ahead.world.slow = {"parcel-1-1", "parcel-1-2"}

    async def story(saga: SagaContext[str]) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(saga.do(A))
            group.create_task(saga.do_all(PARCEL))

    outcomes = await ahead.of(story)

    assert outcomes.keys() == {"a", "parcel[1]", "parcel[2]"}
    assert (outcomes["a"] is None, outcomes["parcel[1]"], outcomes["parcel[2]"]) == (False, None, None)


@pytest.mark.parametrize("error", [None, RuntimeError("broken")])
async def test_what_a_story_leaves_behind_begins_nothing(ahead: Ahead, error: Exception | None) -> None:
    ahead.world.script["a-1"] = RuntimeError("broken")
    behind: list[asyncio.Task[Any]] = []

    async def later(saga: SagaContext[str]) -> None:
        while ahead.world.calls != ["a-1"]:
            await asyncio.sleep(0)
        for _ in range(9):
            await asyncio.sleep(0)
        await saga.do(B)

    async def story(saga: SagaContext[str]) -> None:
        behind.append(asyncio.create_task(later(saga)))
        if error is None:
            await saga.do(A)
        else:
            await asyncio.sleep(0)

    await ahead.run(story)
    ahead.world.calls[:] = ["a-1"]
    await asyncio.wait(behind, timeout=5)
    assert "b-1" not in ahead.world.calls
    assert behind[0].exception() is not None


async def test_an_error_of_the_storys_own_ends_what_is_under_way(ahead: Ahead) -> None:
    ahead.world.script["b-1"] = None

    async def story(saga: SagaContext[str]) -> None:
        begun = asyncio.create_task(asyncio.wait_for(saga.do(B), 5))
        while "b-1" not in ahead.world.calls:
            await asyncio.sleep(0)
        begun.cancel()
        raise LookupError("a bug")

    with pytest.raises(LookupError, match="a bug"):
        await ahead.run(story, Checkpoint("1", 300.0))
    async with asyncio.timeout(5):
        while not ahead.world.cancelled:
            await asyncio.sleep(0)


async def test_another_story_than_the_declared_one_just_stops(ahead: Ahead) -> None:
    async def story(saga: SagaContext[str]) -> None:
        await saga.do(B)
        await saga.do(A)

    assert await ahead.of(story) == {"b": None}


async def test_a_request_that_cannot_be_built_stops_it_and_the_workflow_reports_it(ahead: Ahead) -> None:
    async def story(saga: SagaContext[str]) -> None:
        await saga.do(A)

    assert await ahead.run(story, subject="buggy") == []
    assert ahead.world.calls == []


def test_the_activity_has_the_sagas_name_and_takes_its_subject() -> None:
    async def story(order: int, saga: SagaContext[int]) -> None:
        pass

    async def untyped(order, saga):  # type: ignore[no-untyped-def]
        pass

    world = World()
    made = first_attempts(Saga("orders", story, A), [world.do])
    assert made.__annotations__["subject"] is int
    name = getattr(made, "__temporal_activity_definition").name
    assert name == activity_name(Saga("orders", story, A)) == "orders_first_attempts"
    assert first_attempts(Saga("orders", untyped, A), [world.do]).__annotations__["subject"] is Any
