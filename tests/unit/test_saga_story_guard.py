"""Checks of a story against its declaration, step by step, without running it."""

from __future__ import annotations

import asyncio

import pytest

from ordersaga.saga import ExternalEvent, Kind, Saga, Step
from ordersaga.saga.exits import Misuse, Refused, StopEarly, Unwind
from ordersaga.saga.story_guard import MAY_FAIL, MUST_SUCCEED, StoryGuard, records_of
from tests.unit.parts import do, request, story, undo

A = Step[str, str]("a", request, do, undo)
PARCEL = Step[str, str]("parcel", request, do, undo, keys=lambda subject: ["1", "2"], prefix="shp")
B = Step[str, str]("b", request, do, undo)
LAST = Step[str, str]("last", request, do, undo, kind=Kind.RETRIABLE)
STRANGER = Step[str, str]("stranger", request, do, undo)
PAID, UNPAID = ExternalEvent[str, str]("paid", str), ExternalEvent[str, str]("unpaid", str)
SAGA = Saga("s", story, A, PARCEL, B, LAST, events=[PAID])


@pytest.fixture
def guard() -> StoryGuard[str]:
    return StoryGuard(SAGA, {each.name: each for each in records_of(SAGA, "subject", "S-1")})


def test_there_is_a_record_for_each_instance_of_each_step_in_their_order() -> None:
    records = records_of(SAGA, "subject", "S-1")

    assert [(each.name, each.step, each.id, each.id.key) for each in records] == [
        ("a", "a", "a-S-1", ""),
        ("parcel[1]", "parcel", "shp-S-1-1", "1"),
        ("parcel[2]", "parcel", "shp-S-1-2", "2"),
        ("b", "b", "b-S-1", ""),
        ("last", "last", "last-S-1", ""),
    ]


async def test_the_declared_story_passes(guard: StoryGuard[str]) -> None:
    assert guard.begin(A, "", MUST_SUCCEED, "do()").name == "a"
    assert guard.begin(PARCEL, "2", MUST_SUCCEED, "do()").name == "parcel[2]"
    assert guard.begin(PARCEL, "1", MUST_SUCCEED, "do()").name == "parcel[1]", "instances come in any order"
    assert [guard.next_hold(), guard.next_hold()] == ["hold 1", "hold 2"]
    guard.knows(PAID)
    assert guard.begin(LAST, "", MAY_FAIL, "try_step()").name == "last", "a step may be left out"
    guard.finished()
    assert guard.exit is None


@pytest.mark.parametrize(
    ("step", "key", "kinds", "problem"),
    [
        (STRANGER, "", MUST_SUCCEED, "stranger is not a step of s: declare it in the saga"),
        (LAST, "", MUST_SUCCEED, r"do\(\) is not for last, which is retriable"),
        (PARCEL, "", MUST_SUCCEED, "parcel is done several times: say which instance by its key"),
        (PARCEL, "3", MUST_SUCCEED, "parcel has no instance '3': its declared keys do not have it"),
        (B, "3", MUST_SUCCEED, "b is done once, and has no instance '3': declare keys for it"),
        (A, "", MUST_SUCCEED, "a is done twice: declare keys for its instances"),
    ],
)
async def test_another_story_does_not(
    guard: StoryGuard[str], step: Step[str, str], key: str, kinds: tuple[Kind, ...], problem: str
) -> None:
    guard.begin(A, "", MUST_SUCCEED, "do()")

    with pytest.raises(Misuse, match=problem):
        guard.begin(step, key, kinds, "do()")
    assert isinstance(guard.exit, Misuse)
    with pytest.raises(Misuse, match=f"^{problem}"):
        guard.check_going_on()
    with pytest.raises(Misuse, match=f"^{problem}"):
        guard.finished()


async def test_steps_come_in_their_declared_order(guard: StoryGuard[str]) -> None:
    guard.begin(B, "", MUST_SUCCEED, "do()")
    with pytest.raises(Misuse, match="a is done after b, and declared before it"):
        guard.begin(A, "", MUST_SUCCEED, "do()")


async def test_events_are_declared(guard: StoryGuard[str]) -> None:
    with pytest.raises(Misuse, match="unpaid is not an event of s: declare it in the saga"):
        guard.knows(UNPAID)


async def test_a_story_is_left_once_and_by_the_first_reason(guard: StoryGuard[str]) -> None:
    first = Refused("SoldOut", "sold out")

    assert guard.leave(first) is first
    assert guard.leave(Unwind("later")) is first
    assert guard.exit is first


async def test_the_task_that_was_stopped_must_not_go_on(guard: StoryGuard[str]) -> None:
    guard.leave(Refused("SoldOut", "sold out"))

    with pytest.raises(Misuse, match="went on after it had been stopped by Refused: sold out"):
        guard.begin(A, "", MUST_SUCCEED, "do()")


@pytest.mark.parametrize("by_another_name", [False, True])
async def test_another_task_is_stopped_by_the_same(guard: StoryGuard[str], by_another_name: bool) -> None:
    first = Unwind("no more")
    stopped = asyncio.ensure_future(asyncio.sleep(0))
    if by_another_name:
        guard.leave(first, stopped)
    else:
        await asyncio.create_task(leave(guard, first))

    with pytest.raises(Unwind, match="no more"):
        guard.next_hold()
    assert guard.exit is first
    await stopped


async def leave(guard: StoryGuard[str], leaving: Unwind) -> None:
    guard.leave(leaving)


@pytest.mark.parametrize("leaving", [Refused("SoldOut", "m"), Unwind("m"), StopEarly("m")])
async def test_a_story_that_was_stopped_must_not_return(
    guard: StoryGuard[str], leaving: Refused | Unwind | StopEarly
) -> None:
    guard.leave(leaving)
    with pytest.raises(Misuse, match=f"swallowed what was to stop it, {type(leaving).__name__}: m"):
        guard.finished()


async def test_nor_while_a_step_is_under_way(guard: StoryGuard[str]) -> None:
    guard.under_way += 1
    with pytest.raises(Misuse, match="returned while a step was under way: await every step"):
        guard.finished()


async def test_nothing_is_begun_after_the_story_has_returned(guard: StoryGuard[str]) -> None:
    guard.finished()
    with pytest.raises(Misuse, match="after the story had returned"):
        guard.begin(A, "", MUST_SUCCEED, "do()")


def test_the_first_misuse_is_reported(guard: StoryGuard[str]) -> None:
    first = Misuse("the first")
    guard.exit, guard.under_way = first, 1
    with pytest.raises(Misuse) as received:
        guard.finished()

    assert received.value is first
