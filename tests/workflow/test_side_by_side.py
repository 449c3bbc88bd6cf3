"""Steps that a story does concurrently: each runs to its end, and all are undone."""

from __future__ import annotations

import asyncio

from ordersaga.saga import Saga, SagaContext
from tests.workflow.cases import Case, CaseRunner, step

A, B = step("a"), step("b")


async def test_steps_side_by_side_are_all_undone_and_each_do_has_ended_before_its_undo(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await asyncio.gather(saga.do(A), saga.do(B))

    case.given(do_a=["slow"], do_b=["refuse"])
    handle = await case.start(Saga("case", story, A, B))
    await case.has(lambda: "do a" in case.calls and "do b" in case.calls)
    assert case.undos == []
    case.world.release.set()

    assert await handle.result() == "undone Refused"
    assert case.in_effect == []
    assert case.calls.index("do a") < case.calls.index("undo a")


async def test_a_story_that_stops_waiting_for_a_step_tears_nothing_apart(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(saga.do(A))
            group.create_task(saga.do(B))

    case.given(do_a=["slow"], do_b=["refuse"])
    handle = await case.start(Saga("case", story, A, B))
    await case.has(lambda: "do a" in case.calls and "do b" in case.calls)
    case.world.release.set()

    assert await handle.result() == "undone Refused"
    assert case.in_effect == []


async def test_what_was_begun_beside_a_refused_step_is_undone_although_it_is_declared_after_it(
    case: CaseRunner,
) -> None:
    case.given(do_a=["refuse"])

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await asyncio.gather(saga.do(A), saga.do(B))

    assert await case.run(Saga("case", story, A, B)) == "undone Refused"
    assert case.undos == ["b"]
    assert case.in_effect == []


async def test_a_step_that_failed_ahead_is_not_tried_again_once_another_branch_is_refused(case: CaseRunner) -> None:
    no, broken = step("no", fast_path=True), step("broken", fast_path=True)
    case.given(do_no=["refuse"], do_broken=["fault"])

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await asyncio.gather(saga.do(no), saga.do(broken))

    assert await case.run(Saga("case", story, no, broken), fast_path=3, step_deadline=300) == "undone Refused"
    assert case.calls.count("do broken") == 1
