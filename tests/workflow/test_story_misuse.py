"""A story that does not match its declaration fails the workflow task before another effect, and reports no success."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import product

import pytest

from ordersaga.saga import EffectId, ExternalEvent, Kind, Saga, SagaContext, Step, exits
from tests.workflow.cases import Case, CaseRunner, step
from tests.workflow.sample_saga import World

A, B, C = (step(name, fast_path=True) for name in "abc")
SLOW_A, SLOW_B, SLOW_C = (step(name) for name in "abc")
PARCELS = step("parcel", keys=lambda case: case.keys or [])
LAST = step("last", Kind.RETRIABLE)
STRANGER = step("stranger")
PAID = ExternalEvent[Case, str]("paid", str)
STRANGE = ExternalEvent[Case, str]("strange", str)


async def swallow_exception(saga: SagaContext[Case]) -> None:
    try:
        await saga.do(SLOW_B)
    except Exception:
        return


async def swallow_everything(saga: SagaContext[Case]) -> None:
    try:
        await saga.do(SLOW_B)
    except BaseException:
        return


async def swallow_and_go_on(saga: SagaContext[Case]) -> None:
    await swallow_everything(saga)
    await saga.do(SLOW_C)


async def swallow_and_wait(saga: SagaContext[Case]) -> None:
    await swallow_everything(saga)
    await saga.wait_for(PAID, timedelta(seconds=300))


async def swallow_and_hold(saga: SagaContext[Case]) -> None:
    await swallow_everything(saga)
    await saga.hold(timedelta(seconds=300))


async def swallow_and_refuse(saga: SagaContext[Case]) -> None:
    await swallow_everything(saga)
    saga.refuse("TooMuch", "too much")


async def swallow_in_gather(saga: SagaContext[Case]) -> None:
    await asyncio.gather(saga.do(SLOW_B), return_exceptions=True)


async def go_on_in_finally(saga: SagaContext[Case]) -> None:
    try:
        await saga.do(SLOW_B)
    finally:
        await saga.do(SLOW_C)


def saga_of(tail: Callable[[SagaContext[Case]], Awaitable[object]]) -> Saga[Case]:
    async def story(case: Case, saga: SagaContext[Case]) -> None:
        await saga.do(SLOW_A)
        await tail(saga)

    return Saga("case", story, SLOW_A, SLOW_B, PARCELS, SLOW_C, LAST, events=[PAID])


async def test_an_except_exception_in_a_story_does_not_stop_its_unwinding(case: CaseRunner) -> None:
    case.given(do_b=["refuse"])

    assert await case.run(saga_of(swallow_exception)) == "undone Refused"
    assert case.in_effect == []


SWALLOWING: list[Callable[[SagaContext[Case]], Awaitable[object]]] = [
    swallow_everything,
    swallow_and_go_on,
    swallow_in_gather,
    go_on_in_finally,
    swallow_and_wait,
    swallow_and_hold,
    swallow_and_refuse,
]


@pytest.mark.parametrize(
    ("tail", "what"),
    [*product(SWALLOWING[:4], ["refuse", "fault", "lost"]), *((tail, "refuse") for tail in SWALLOWING[4:])],
)
async def test_a_story_that_swallows_what_stops_it_fails_its_task(
    case: CaseRunner, tail: Callable[[SagaContext[Case]], Awaitable[object]], what: str
) -> None:
    case.given(do_b=[what])

    problem = await case.task_failure(saga_of(tail), step_deadline=0.3)

    assert "swallowed" in problem or "went on" in problem
    assert "do c" not in case.calls
    assert "undo a" not in case.calls, "a mended story decides which way it goes"


async def test_a_story_that_swallows_a_wait_that_timed_out_fails_its_task(case: CaseRunner) -> None:
    async def swallows(saga: SagaContext[Case]) -> None:
        with contextlib.suppress(BaseException):
            await saga.wait_for(PAID, timedelta(seconds=0.2))

    assert "swallowed" in await case.task_failure(saga_of(swallows))
    assert "undo a" not in case.calls


async def test_a_bug_while_the_story_is_left_fails_its_task(case: CaseRunner) -> None:
    async def fails_on_its_way_out(saga: SagaContext[Case]) -> None:
        try:
            await saga.do(SLOW_B)
        finally:
            await fails()

    case.given(do_b=["refuse"])

    assert "let RuntimeError through: a bug" in await case.task_failure(saga_of(fails_on_its_way_out))
    assert "undo a" not in case.calls


LEFT: list[asyncio.Task[str | None]] = []

MISUSES: dict[str, Callable[[SagaContext[Case]], Awaitable[object]]] = {
    "a is done twice": lambda saga: saga.do(SLOW_A),
    "stranger is not a step of case": lambda saga: saga.do(STRANGER),
    "a is not a step of case": lambda saga: saga.do(A),
    "try_step() is not for b": lambda saga: saga.try_step(SLOW_B),
    "do() is not for last": lambda saga: saga.do(LAST),
    "b is done once, and has no instance '1'": lambda saga: saga.do(SLOW_B, key="1"),
    "parcel is done several times": lambda saga: saga.do(PARCELS),
    "parcel has no instance '3'": lambda saga: saga.do(PARCELS, key="3"),
    "strange is not an event of case": lambda saga: saga.wait_for(STRANGE, None),  # type: ignore[arg-type]
    "let RuntimeError through: a bug": lambda saga: fails(),
    "let a CancelledError of its own through": lambda saga: cancels_a_task_of_its_own(),
    "returned while a step was under way": lambda saga: leaves_behind(saga),
    "returned while a step was under way: await": lambda saga: leaves_behind_at_once(saga),
}


async def fails() -> None:
    raise RuntimeError("a bug")


async def cancels_a_task_of_its_own() -> None:
    waiting = asyncio.create_task(asyncio.Event().wait())
    waiting.cancel()
    await waiting


async def leaves_behind_at_once(saga: SagaContext[Case]) -> None:
    LEFT.append(asyncio.create_task(saga.do(SLOW_C)))


async def leaves_behind(saga: SagaContext[Case]) -> None:
    left = asyncio.create_task(saga.do(SLOW_C))
    await asyncio.sleep(0)
    assert not left.done()


@pytest.mark.parametrize("problem", MISUSES)
async def test_a_step_that_the_saga_does_not_declare_like_this_fails_the_task(case: CaseRunner, problem: str) -> None:
    assert problem in await case.task_failure(saga_of(MISUSES[problem]), keys=["1", "2"])
    assert [call for call in case.calls if call not in ("do a", "do c")] == []


async def out_of_order(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(B)
    await saga.do(A)


async def slowly_out_of_order(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(SLOW_B)
    await saga.do(SLOW_A)


@pytest.mark.parametrize(
    "saga", [Saga("case", out_of_order, A, B), Saga("case", slowly_out_of_order, SLOW_A, SLOW_B)], ids=["fast", "slow"]
)
async def test_a_step_out_of_its_declared_order_fails_the_task_before_its_effect(
    case: CaseRunner, saga: Saga[Case]
) -> None:
    problem = await case.task_failure(saga)

    assert "a is done after b, and declared before it" in problem
    assert "do a" not in case.calls


async def twice(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(A)
    await saga.do(A)


async def test_a_step_that_is_done_twice_on_the_fast_path_has_one_effect(case: CaseRunner) -> None:
    assert "a is done twice" in await case.task_failure(Saga("case", twice, A, B))
    assert set(case.calls) == {"do a"}


async def test_keys_that_make_no_ids_fail_the_task_before_any_effect(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do_all(PARCELS)

    assert "duplicate key of parcel: 1" in await case.task_failure(Saga("case", story, PARCELS), keys=["1", "1"])
    assert case.calls == []


async def test_the_undo_is_given_the_id_that_the_request_was_made_with(case: CaseRunner) -> None:
    """The id is made once, so there is no second place to mistype it."""
    case.given(do_b=["refuse"])

    await case.run(saga_of(lambda saga: saga.do(SLOW_B)))

    assert case.calls == ["do a", "do b", "undo a"]
    assert case.in_effect == []


def breaks(case: Case, effect_id: EffectId) -> str:
    raise ValueError("this request cannot be made")


@pytest.mark.parametrize("fast", [False, True])
async def test_a_request_that_cannot_be_made_fails_the_task_though_the_story_swallows_it(
    case: CaseRunner, fast: bool
) -> None:
    bad = Step("bad", request=breaks, do=World.do_step, undo=World.undo_step, fast_path=fast)
    first, last = step("first", fast_path=fast), step("last", fast_path=fast)

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(first)
        with contextlib.suppress(Exception):
            await saga.do(bad)
        await saga.do(last)

    problem = await case.task_failure(Saga("case", story, first, bad, last))

    assert "bad cannot be done: ValueError: this request cannot be made" in problem
    assert "do last" not in case.calls


async def test_a_story_that_leaves_by_an_exit_of_the_engines_own_is_undone(case: CaseRunner) -> None:
    async def leaves(saga: SagaContext[Case]) -> None:
        raise exits.Unwind("by hand")

    assert await case.run(saga_of(leaves)) == "undone"
    assert case.in_effect == []
