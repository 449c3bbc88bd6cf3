"""The saga engine on a real server: for each behavior of the world, the end and the undone effects."""

from __future__ import annotations

import asyncio

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import Replayer, Worker

from ordersaga.saga.first_attempts import AttemptOutcome, Checkpoint
from tests.workflow.environment import until
from tests.workflow.runner import ALL, Handle, Runner
from tests.workflow.sample_saga import SampleInput, SampleWorkflow, World, activities_of


async def events(handle: Handle) -> list[str]:
    return [EventType.Name(event.event_type) async for event in handle.fetch_history_events()]


async def test_four_good_steps_stand(sample: Runner) -> None:
    assert await sample.run() == "stands"
    assert sample.in_effect == ALL


async def test_the_fast_path_makes_the_first_attempts_up_to_a_hold_in_one_local_activity(sample: Runner) -> None:
    handle = await sample.start(hold=1)

    assert await handle.result() == "stands"
    happened = [name for name in await events(handle) if "MARKER" in name or "TIMER" in name or "ACTIVITY_TASK" in name]
    timer = ["EVENT_TYPE_TIMER_STARTED", "EVENT_TYPE_TIMER_FIRED"]
    assert happened == ["EVENT_TYPE_MARKER_RECORDED", *timer, "EVENT_TYPE_MARKER_RECORDED"]
    assert sample.dos == ALL


async def test_the_fast_path_begins_no_further_step_once_its_time_is_over(sample: Runner) -> None:
    """Otherwise a cancel would have to wait for the whole of a slow saga."""
    sample.given(do_rsv=["lag"], do_pay=["lag"], do_shp=["lag"], do_msg=["lag"])
    handle = await sample.start(fast_path=World.LAG * 1.5)

    assert await handle.result() == "stands"
    assert (await events(handle)).count("EVENT_TYPE_MARKER_RECORDED") == 2, "two steps in each"
    assert sample.dos == ALL


async def test_first_attempts_that_get_lost_altogether_are_taken_over_and_done_once(
    temporal: Client, order_id: str
) -> None:
    world = World()
    *of_steps, ahead = activities_of(world)

    @activity.defn(name="journey_first_attempts")
    async def lost(sample: SampleInput, checkpoint: Checkpoint) -> list[AttemptOutcome]:
        await ahead(sample, checkpoint)
        raise RuntimeError("and all of it is forgotten")

    sample = Runner(temporal, world, order_id)
    async with Worker(temporal, task_queue="journeys", workflows=[SampleWorkflow], activities=[*of_steps, lost]):
        assert await sample.run() == "stands"
    assert sample.in_effect == ALL
    assert len(world.effects) == 4


async def test_without_the_fast_path_every_step_is_a_regular_activity(sample: Runner) -> None:
    handle = await sample.start(fast_path=0)

    assert await handle.result() == "stands"
    assert (await events(handle)).count("EVENT_TYPE_ACTIVITY_TASK_SCHEDULED") == 4


@pytest.mark.parametrize(
    ("refused", "undone"), [("rsv", []), ("pay", ["rsv"]), ("shp", ["pay", "rsv"])], ids=["first", "second", "pivot"]
)
@pytest.mark.parametrize("fast_path", [0.0, 1.0], ids=["durable", "fast"])
async def test_a_refusal_undoes_the_steps_before_it_only(
    sample: Runner, refused: str, undone: list[str], fast_path: float
) -> None:
    sample.given(**{f"do_{refused}": ["refuse"]})

    assert await sample.run(fast_path=fast_path) == "undone"
    assert sample.in_effect == []
    assert sample.undos == undone


async def test_a_refused_retriable_step_is_given_up_and_nothing_is_undone(sample: Runner) -> None:
    sample.given(do_msg=["refuse"])
    handle = await sample.start()

    assert await handle.result() == "stands"
    assert sample.in_effect == ["rsv", "pay", "shp"]
    assert (await handle.query(SampleWorkflow.states))["mail"] == "gave_up"


@pytest.mark.parametrize("behavior", ["fault", "lost"])
@pytest.mark.parametrize("step", ALL)
async def test_a_fault_that_passes_is_retried_and_the_effect_is_one(sample: Runner, step: str, behavior: str) -> None:
    sample.given(**{f"do_{step}": [behavior, behavior, "ok"]})

    assert await sample.run(step_deadline=20) == "stands"
    assert sample.in_effect == ALL


@pytest.mark.parametrize("behavior", ["fault", "lost"])
@pytest.mark.parametrize("step", ["rsv", "pay", "shp"])
async def test_a_fault_beyond_the_deadline_undoes_every_step_the_pivot_first(
    sample: Runner, step: str, behavior: str
) -> None:
    sample.given(**{f"do_{step}": [behavior]})

    assert await sample.run() == "undone"
    assert sample.in_effect == []
    assert sample.undos == ["shp", "msg", "pay", "rsv"]


async def test_an_email_that_fails_beyond_the_deadline_unwinds_nothing(sample: Runner) -> None:
    sample.given(do_msg=["fault"])

    assert await sample.run() == "stands"
    assert sample.in_effect == ["rsv", "pay", "shp"]
    assert sample.undos == []


async def test_a_step_that_is_slower_than_the_fast_path_is_taken_over_and_done_once(sample: Runner) -> None:
    sample.given(do_pay=["slow", "ok"])
    handle = await sample.start(fast_path=0.3, step_deadline=20)

    assert await handle.result() == "stands"
    assert sample.in_effect == ALL
    assert "AttemptFailed no answer within 0.3 s" in await handle.query(SampleWorkflow.happened)


async def test_a_first_attempt_has_three_seconds_at_the_most(sample: Runner) -> None:
    """Otherwise first attempts outlast a workflow task, and a replay sees what arrived meanwhile in another order."""
    sample.given(do_pay=["slow", "ok"])
    handle = await sample.start(fast_path=60, step_deadline=20)

    assert await handle.result() == "stands"
    assert "AttemptFailed no answer within 3 s" in await handle.query(SampleWorkflow.happened)


async def test_a_worker_that_takes_over_after_a_slow_first_attempt_continues_with_the_run(sample: Runner) -> None:
    """A replay reports a local activity's timeout to workflow code as another error than the first run did."""
    sample.given(do_pay=["slow", "ok"])
    handle = await sample.start(fast_path=0.3, step_deadline=20)
    await handle.result()

    await Replayer(workflows=[SampleWorkflow]).replay_workflow(await handle.fetch_history())


async def test_a_fenced_step_unwinds_everything(sample: Runner) -> None:
    sample.world.tombstones.add(f"pay-{sample.key}")

    assert await sample.run() == "undone"
    assert sample.in_effect == []
    assert sample.undos == ["shp", "msg", "pay", "rsv"]


async def test_a_pivot_that_answers_too_late_turns_the_saga_forward_and_nothing_else_is_undone(sample: Runner) -> None:
    sample.given(do_shp=["lost", "fault", "ok"], undo_shp=["late"])

    assert await sample.run(step_deadline=0.3) == "stands"
    assert sample.in_effect == ALL
    assert sample.undos == ["shp"]


async def test_undos_are_retried_forever_and_never_local(sample: Runner) -> None:
    sample.given(do_shp=["refuse"], undo_pay=["fault", "fault", "fault", "ok"])
    handle = await sample.start(undo_patience=60)

    assert await handle.result() == "undone"
    assert sample.in_effect == []
    local = [name for name in await events(handle) if name == "EVENT_TYPE_MARKER_RECORDED"]
    assert len(local) == 1, "the dos in one, no undo"


async def test_a_parked_undo_lets_the_others_go_on_and_still_finishes(sample: Runner) -> None:
    sample.given(do_shp=["refuse"], undo_pay=["fault"])
    handle = await sample.start()

    await sample.called("undo rsv")
    assert (await handle.query(SampleWorkflow.states))["money"] == "parked"
    sample.given(undo_pay=["ok"])
    assert await handle.result() == "undone"
    assert sample.in_effect == []


async def test_while_the_pivots_undo_is_parked_no_other_undo_runs(sample: Runner) -> None:
    sample.given(do_shp=["lost"], undo_shp=["fault"])
    handle = await sample.start()

    async def parked() -> bool:
        return (await handle.query(SampleWorkflow.states))["parcel"] == "parked"

    await until(parked)
    assert sample.undos == ["shp"]
    sample.given(undo_shp=["ok"])
    assert await handle.result() == "undone"
    assert sample.undos == ["shp", "msg", "pay", "rsv"]


async def test_a_cancel_in_the_hold_undoes_everything(sample: Runner) -> None:
    handle = await sample.start(hold=300)
    await sample.called("do pay")

    assert await handle.execute_update(SampleWorkflow.request_cancel, "no more") == "undone"
    assert await handle.result() == "undone cancelled"
    assert sample.in_effect == []


async def test_a_cancel_while_a_step_is_being_retried_ends_the_retries(sample: Runner) -> None:
    sample.given(do_pay=["fault"])
    handle = await sample.start(step_deadline=300)
    await sample.called("do pay")

    assert await handle.execute_update(SampleWorkflow.request_cancel, "no more") == "undone"
    assert await handle.result() == "undone cancelled"
    assert sample.in_effect == []


async def test_a_cancel_waits_for_the_do_that_is_under_way(sample: Runner) -> None:
    sample.given(do_pay=["slow"])
    handle = await sample.start(fast_path=0, step_deadline=300)
    await sample.called("do pay")
    await handle.signal(SampleWorkflow.cancel, "no more")
    await handle.query(SampleWorkflow.states)
    assert sample.undos == []

    sample.world.release.set()
    assert await handle.result() == "undone cancelled"
    assert sample.world.calls.index(f"do pay-{sample.key}") < sample.world.calls.index(f"undo pay-{sample.key}")
    assert sample.in_effect == []


async def test_a_cancel_after_the_parcel_left_goes_forward(sample: Runner) -> None:
    sample.given(do_msg=["fault", "fault", "fault", "ok"], undo_shp=["late"])
    handle = await sample.start(step_deadline=60)
    await sample.called("do msg")

    assert await handle.execute_update(SampleWorkflow.request_cancel, "no more") == "stands"
    assert await handle.result() == "stands"
    assert sample.in_effect == ALL


async def test_no_step_is_begun_after_a_cancel_has_arrived(sample: Runner) -> None:
    sample.given(do_pay=["fault", "slow"])
    handle = await sample.start(step_deadline=60)

    async def retried() -> bool:
        return sample.world.calls.count(f"do pay-{sample.key}") == 2

    await until(retried)
    await handle.signal(SampleWorkflow.cancel, "no more")
    await handle.query(SampleWorkflow.states)
    sample.world.release.set()

    assert await handle.result() == "undone cancelled"
    assert f"do shp-{sample.key}" not in sample.world.calls


async def test_a_cancel_during_the_last_step_takes_effect(sample: Runner) -> None:
    sample.given(do_msg=["fault", "slow"])
    handle = await sample.start(step_deadline=60)

    async def retried() -> bool:
        return sample.world.calls.count(f"do msg-{sample.key}") == 2

    await until(retried)
    await handle.signal(SampleWorkflow.cancel, "no more")
    await handle.query(SampleWorkflow.states)
    sample.world.release.set()

    assert await handle.result() == "undone cancelled"
    assert sample.in_effect == []


@pytest.mark.parametrize("times", [1, 3])
async def test_temporals_own_cancellation_closes_the_run_as_cancelled_once_all_is_undone(
    sample: Runner, times: int
) -> None:
    sample.given(undo_pay=["fault", "ok"])
    handle = await sample.start(hold=300, undo_patience=60)
    await sample.called("do pay")
    for _ in range(times):
        await handle.cancel()
        await handle.signal(SampleWorkflow.cancel, "and again")

    assert await handle.result() == "undone cancelled"
    assert sample.in_effect == []


async def test_a_signal_while_the_last_first_attempt_runs_leaves_nothing_behind(sample: Runner) -> None:
    """The server rejects the end of the run, and the run loses all four steps that it has just done."""
    sample.given(do_msg=["slow", "ok"])
    handle = await sample.start(fast_path=3)
    await sample.called("do msg")
    await handle.signal(SampleWorkflow.cancel, "at the last moment")
    sample.world.release.set()

    assert await handle.result() == "undone cancelled"
    assert sample.in_effect == []
    assert "EVENT_TYPE_WORKFLOW_TASK_FAILED" in await events(handle), "the run did not lose its memory"


async def test_eviction_from_the_cache_is_not_a_cancellation(temporal: Client, order_id: str) -> None:
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
        handles = await asyncio.gather(*(runner.start(hold=1.5) for runner in runners))
        results = await asyncio.gather(*(handle.result() for handle in handles))

    assert set(results) == {"stands"}
    assert len(world.effects) == 16
