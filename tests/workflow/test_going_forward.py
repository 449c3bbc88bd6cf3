"""A saga that goes forward after all because its pivot stands: how its story runs differently then."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from ordersaga.saga import Kind, Saga, SagaContext
from tests.workflow.cases import Case, CaseRunner, step

PIVOT = step("ship", Kind.PIVOT)


async def test_a_retriable_step_gives_up_at_its_deadline_also_when_the_saga_goes_forward_after_all(
    case: CaseRunner,
) -> None:
    last = step("last", Kind.RETRIABLE)
    case.given(do_ship=["lost", "fault"], undo_ship=["late"], do_last=["fault"])

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(PIVOT)
        await saga.try_step(last)

    handle = await case.start(Saga("case", story, PIVOT, last), step_deadline=0.3, undo_patience=300)
    await case.has(lambda: "undo ship" in case.calls)
    case.given(do_ship=["ok"])

    assert await asyncio.wait_for(handle.result(), 20) == "stands"
    assert (await case.states())["last"] == "gave_up"


async def test_a_hold_is_not_held_once_the_saga_goes_forward_after_all(case: CaseRunner) -> None:
    case.given(do_ship=["lost", "fault"], undo_ship=["late"])

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(PIVOT)
        await saga.hold(timedelta(seconds=300))

    handle = await case.start(Saga("case", story, PIVOT), step_deadline=0.3)
    await case.has(lambda: "undo ship" in case.calls)
    case.given(do_ship=["ok"])

    assert await asyncio.wait_for(handle.result(), 20) == "stands"
