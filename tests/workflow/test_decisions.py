"""A person's decisions on parked steps: their effect, and which are rejected."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from ordersaga.saga import Choice, Decision
from tests.workflow.environment import until
from tests.workflow.runner import ALL, Handle, Runner
from tests.workflow.sample_saga import SampleWorkflow


async def decide(handle: Handle, step: str, choice: Choice, by: str = "Ada", note: str = "") -> None:
    await handle.execute_update(SampleWorkflow.resolve, Decision(step, choice, by, note))


async def states(handle: Handle) -> dict[str, str]:
    return await handle.query(SampleWorkflow.states)


async def parked(handle: Handle, step: str) -> None:
    async def check() -> bool:
        return (await states(handle))[step] == "parked"

    await until(check)


@pytest.mark.parametrize(
    ("choice", "note", "state"),
    [(Choice.DONE_BY_HAND, "bank transfer 17", "done_by_hand"), (Choice.WRITE_OFF, "too small", "written_off")],
)
async def test_a_parked_undo_ends_by_a_decision(sample: Runner, choice: Choice, note: str, state: str) -> None:
    sample.given(do_shp=["refuse"], undo_pay=["fault"])
    handle = await sample.start()
    await parked(handle, "money")
    await decide(handle, "money", choice, note=note)

    assert await handle.result() == "undone"
    assert (await states(handle))["money"] == state
    assert sample.in_effect == ["pay"], "the decision touches no effect"


async def test_a_parked_undo_is_tried_again_at_once_when_a_person_decides(sample: Runner) -> None:
    sample.given(do_shp=["refuse"], undo_pay=["fault"])
    handle = await sample.start(parked_interval=3_600)
    await parked(handle, "money")
    tried = sample.dos_and_undos.count("undo pay")
    await decide(handle, "money", Choice.RETRY)

    async def tried_again() -> bool:
        return sample.dos_and_undos.count("undo pay") > tried

    await until(tried_again)
    assert (await states(handle))["money"] == "parked", "it fails as before"

    sample.given(undo_pay=["ok"])
    await decide(handle, "money", Choice.RETRY)
    assert await handle.result() == "undone"
    assert sample.in_effect == []


@pytest.mark.parametrize(
    ("choice", "note", "end", "in_effect"),
    [
        (Choice.GO_FORWARD, "the carrier has it", "stands", ALL),
        (Choice.DONE_BY_HAND, "carrier's ticket 4", "undone", ["shp"]),
    ],
)
async def test_a_person_may_decide_which_way_it_goes(
    sample: Runner, choice: Choice, note: str, end: str, in_effect: list[str]
) -> None:
    sample.given(do_shp=["lost", "lost", "fault"], undo_shp=["fault"])
    handle = await sample.start(step_deadline=0.3)
    await parked(handle, "parcel")
    sample.given(do_shp=["ok"])
    await decide(handle, "parcel", choice, note=note)

    assert await handle.result() == end
    assert sample.in_effect == in_effect


async def test_a_step_that_must_be_done_and_cannot_waits_for_a_person(sample: Runner) -> None:
    """The pivot stands, but the payment was refunded by hand meanwhile."""
    sample.given(do_msg=["fault"], undo_shp=["late"])
    handle = await sample.start(step_deadline=60)
    await sample.called("do msg")
    sample.world.tombstones.add(f"pay-{sample.key}")
    await handle.signal(SampleWorkflow.cancel, "no more")
    await parked(handle, "money")
    sample.given(do_msg=["ok"])
    await decide(handle, "money", Choice.WRITE_OFF, note="a goodwill gesture")

    assert await handle.result() == "stands"
    assert (await states(handle))["money"] == "written_off"


@pytest.mark.parametrize(
    ("decision", "problem"),
    [
        (Decision("money", Choice.RETRY, " "), "name"),
        (Decision("money", Choice.DONE_BY_HAND, "Ada"), "reference"),
        (Decision("money", Choice.WRITE_OFF, "Ada", " "), "reason"),
        (Decision("money", Choice.GO_FORWARD, "Ada"), "Only the undo of parcel"),
        (Decision("stock", Choice.RETRY, "Ada"), "stock waits for no decision"),
        (Decision("nothing", Choice.RETRY, "Ada"), "nothing waits for no decision"),
    ],
    ids=lambda value: "" if isinstance(value, str) else f"{value.step}-{value.choice}",
)
async def test_a_decision_that_cannot_be_taken_is_refused_and_changes_nothing(
    sample: Runner, decision: Decision, problem: str
) -> None:
    sample.given(do_shp=["refuse"], undo_pay=["fault"])
    handle = await sample.start()
    await parked(handle, "money")

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update(SampleWorkflow.resolve, decision)
    assert problem in str(refused.value.cause)
    assert (await states(handle))["money"] == "parked"
    await decide(handle, "money", Choice.WRITE_OFF, note="enough")
    with pytest.raises(RPCError):
        await decide(handle, "money", Choice.WRITE_OFF, note="twice")
