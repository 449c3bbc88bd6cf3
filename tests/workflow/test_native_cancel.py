"""Temporal's own cancellation, at every moment: the run closes as canceled, but only after everything is undone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateStage
from temporalio.worker import Worker

from ordersaga.saga import Choice, Decision, Saga, SagaContext
from tests.workflow.cases import Case, CaseRunner, step
from tests.workflow.environment import until
from tests.workflow.runner import ALL, Runner
from tests.workflow.sample_saga import SampleWorkflow, World, activities_of

MOMENTS: dict[str, dict[str, Any]] = {
    "in the first step": {"do_rsv": ["slow"]},
    "in a later step": {"do_pay": ["slow"]},
    "in the pivot": {"do_shp": ["slow"]},
    "in the last step": {"do_msg": ["slow"]},
    "while a step is retried": {"do_pay": ["fault"]},
    "while the last step is retried": {"do_msg": ["fault"]},
    "in an undo": {"do_shp": ["refuse"], "undo_pay": ["slow"]},
}
CALLS = ["do rsv", "do pay", "do shp", "do msg", "do pay", "do msg", "undo pay"]


@pytest.mark.parametrize("fast_path", [0.0, 1.0], ids=["durable", "fast"])
@pytest.mark.parametrize(("moment", "call"), list(zip(MOMENTS, CALLS, strict=True)))
async def test_everything_is_undone(sample: Runner, moment: str, call: str, fast_path: float) -> None:
    sample.given(**MOMENTS[moment])
    handle = await sample.start(fast_path=fast_path, step_deadline=60, undo_patience=60)
    await sample.called(call)
    await handle.cancel()
    sample.world.release.set()

    assert await asyncio.wait_for(handle.result(), 20) == "undone cancelled"
    assert sample.in_effect == []


async def test_a_cancel_that_comes_before_the_first_task_undoes_everything(temporal: Client, order_id: str) -> None:
    world = World()
    sample = Runner(temporal, world, order_id)
    handle = await sample.start()
    await handle.cancel()
    async with Worker(temporal, task_queue="journeys", workflows=[SampleWorkflow], activities=activities_of(world)):
        assert await asyncio.wait_for(handle.result(), 20) == "undone cancelled"
    assert world.effects == []
    assert sample.dos == []


async def test_a_cancel_that_is_too_late_goes_forward(sample: Runner) -> None:
    sample.given(do_msg=["fault", "fault", "ok"], undo_shp=["late"])
    handle = await sample.start(step_deadline=60)
    await sample.called("do msg")
    await handle.cancel()

    assert await asyncio.wait_for(handle.result(), 20) == "stands"
    assert sample.in_effect == ALL


async def test_what_is_parked_still_waits_for_a_person(sample: Runner) -> None:
    sample.given(do_shp=["refuse"], undo_pay=["fault"])
    handle = await sample.start(undo_patience=0.3)

    async def parked() -> bool:
        return (await handle.query(SampleWorkflow.states))["money"] == "parked"

    await until(parked)
    await handle.cancel()
    assert await parked()
    await handle.execute_update(SampleWorkflow.resolve, Decision("money", Choice.WRITE_OFF, "Ada", "a trifle"))
    assert await handle.result() == "undone cancelled"


async def test_an_update_that_waits_for_the_verdict_is_answered(sample: Runner) -> None:
    sample.given(do_pay=["slow"])
    handle = await sample.start(fast_path=0)
    await sample.called("do pay")
    asking = asyncio.create_task(handle.execute_update(SampleWorkflow.request_cancel, "no more"))

    async def heard() -> bool:
        return "CancelRequested" in await handle.query(SampleWorkflow.happened)

    await until(heard)
    await handle.cancel()
    sample.world.release.set()
    assert await asking == "undone"


LATER = step("later")


async def waits_itself(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(LATER)
    await asyncio.sleep(300)


async def waits_shielded(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(LATER)
    await asyncio.shield(asyncio.sleep(300))


@pytest.mark.parametrize("story", [waits_itself, waits_shielded])
async def test_a_story_that_waits_by_itself_cannot_make_the_undo_be_skipped(
    case: CaseRunner, story: Callable[[Case, SagaContext[Case]], Awaitable[None]]
) -> None:
    """It may delay the cancel, which it is allowed to do, but the run never closes with an effect in place."""
    handle = await case.start(Saga("case", story, LATER))
    await case.has(lambda: "do later" in case.calls)
    await handle.cancel()

    async def over_or_open() -> bool:
        closed = (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING
        assert not closed or case.in_effect == []
        heard = "CancelRequested" in await handle.query("happened")
        return closed or heard

    await until(over_or_open)
    await handle.terminate() if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING else None


async def test_a_run_that_is_evicted_after_a_native_cancel_continues_undoing(
    temporal: Client, order_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An eviction arrives as a cancellation too.

    If it were treated as another native cancel, it would keep the run in memory.
    """
    world = World()
    worker = Worker(
        temporal,
        task_queue="journeys",
        workflows=[SampleWorkflow],
        activities=activities_of(world),
        max_cached_workflows=1,
    )
    async with worker:
        runners = [Runner(temporal, world, f"{order_id}-{number}") for number in range(4)]
        for runner in runners:
            runner.given(undo_pay=["fault", "fault", "ok"])
        handles = [await runner.start(hold=300, undo_patience=60) for runner in runners]
        for runner, handle in zip(runners, handles, strict=True):
            await runner.called("do pay")
            await handle.cancel()
        with caplog.at_level(logging.WARNING, logger="temporalio.worker"):
            results = await asyncio.gather(*(asyncio.wait_for(handle.result(), 30) for handle in handles))

    assert set(results) == {"undone cancelled"}
    assert world.effects == []
    assert [record.message for record in caplog.records if "evict" in record.message.lower()] == []


async def test_a_run_that_was_completed_is_not_closed_as_cancelled_by_a_cancel_at_the_very_end(
    sample: Runner,
) -> None:
    """While an update is still being answered, a native cancel reaches a run whose saga has ended."""
    sample.given(do_msg=["slow"])
    handle = await sample.start(fast_path=0)
    await sample.called("do msg")
    lingering = await handle.start_update(SampleWorkflow.linger, wait_for_stage=WorkflowUpdateStage.ACCEPTED)
    sample.world.release.set()

    async def ended() -> bool:
        return "SagaEnded" in await handle.query(SampleWorkflow.happened)

    await until(ended)
    await handle.cancel()
    assert await lingering.result() == "lingered"
    assert await handle.result() == "stands"
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
