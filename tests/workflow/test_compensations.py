"""The plain layer, in the style of Java's Saga: registered compensations run, whatever cancels the run meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError
from temporalio.worker import Worker

from ordersaga.saga import Choice, Compensations, Decision, UndoRequest
from tests.workflow.environment import until
from tests.workflow.plain import Plain, PlainWorkflow
from tests.workflow.sample_saga import World


@pytest.fixture
async def world(temporal: Client) -> AsyncIterator[World]:
    world = World()
    activities: list[Any] = [world.do_step, world.undo_step]
    async with Worker(temporal, task_queue="plain", workflows=[PlainWorkflow], activities=activities):
        yield world
        world.release.set()


async def start(temporal: Client, order_id: str, *steps: str, **plain: Any) -> WorkflowHandle[Any, str]:
    return await temporal.start_workflow(
        PlainWorkflow.run, Plain(list(steps), **plain), id=f"plain-{order_id}", task_queue="plain"
    )


async def called(world: World, call: str) -> None:
    async def check() -> bool:
        return call in world.calls

    await until(check)


def undos(world: World) -> list[str]:
    return [call for call in dict.fromkeys(world.calls) if call.startswith("undo")]


async def test_nothing_is_compensated_when_all_goes_well(temporal: Client, world: World, order_id: str) -> None:
    assert await (await start(temporal, order_id, "a", "b")).result() == "done"
    assert world.effects == ["a", "b"]


@pytest.mark.parametrize("parallel", [False, True])
async def test_what_was_begun_is_undone_in_reverse(
    temporal: Client, world: World, order_id: str, parallel: bool
) -> None:
    world.script = {"do c": ["refuse"], "undo b": ["fault", "ok"]}

    with pytest.raises(WorkflowFailureError):
        await (await start(temporal, order_id, "a", "b", "c", "d", parallel=parallel)).result()
    assert world.effects == []
    assert sorted(undos(world)) == ["undo a", "undo b", "undo c"]
    if not parallel:
        assert world.calls[-1] == "undo a", "one after the other"


async def test_in_parallel_a_slow_undo_keeps_no_other_waiting(temporal: Client, world: World, order_id: str) -> None:
    world.script = {"do c": ["refuse"], "undo b": ["fault"]}
    handle = await start(temporal, order_id, "a", "b", "c", parallel=True)
    await called(world, "undo a")
    world.script["undo b"] = ["ok"]

    with pytest.raises(WorkflowFailureError):
        await handle.result()


async def test_a_compensation_that_is_final_later_keeps_no_other_waiting(
    temporal: Client, world: World, order_id: str
) -> None:
    world.script = {"do c": ["refuse"], "undo b": ["requested", "requested", "ok"]}

    with pytest.raises(WorkflowFailureError):
        await (await start(temporal, order_id, "a", "b", "c")).result()
    assert world.calls[-1] == "undo b"
    assert world.effects == []


@pytest.mark.parametrize("moment", ["do b", "undo b"])
async def test_a_native_cancel_interrupts_no_compensation(
    temporal: Client, world: World, order_id: str, moment: str
) -> None:
    """The behavior that sdk-java#305 asks for."""
    world.script = {"do b": ["slow"]} if moment == "do b" else {"do c": ["refuse"], "undo b": ["fault", "fault", "ok"]}
    handle = await start(temporal, order_id, "a", "b", "c")
    await called(world, moment)
    await handle.cancel()
    world.release.set()

    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, CancelledError)
    assert world.effects == []


async def test_a_compensation_that_does_not_succeed_waits_for_a_person(
    temporal: Client, world: World, order_id: str
) -> None:
    world.script = {"do b": ["refuse"], "undo b": ["fault"]}
    handle = await start(temporal, order_id, "a", "b", patience=0.3)

    async def parked() -> bool:
        return (await handle.query(PlainWorkflow.states)).get("b") == "parked"

    await until(parked)
    await called(world, "undo a")
    await handle.execute_update(PlainWorkflow.resolve, Decision("b", Choice.WRITE_OFF, "Ada", "a trifle"))
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert (await handle.query(PlainWorkflow.states))["b"] == "written_off"


def test_two_compensations_of_one_name_are_refused() -> None:
    compensations = Compensations()
    compensations.add_compensation(World.undo_step, UndoRequest("a"), name="a")
    with pytest.raises(ValueError, match="there is a compensation a already"):
        compensations.add_compensation(World.undo_step, UndoRequest("a"), name="a")
