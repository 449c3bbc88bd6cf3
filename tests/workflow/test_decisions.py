"""A person's decisions on what is parked: what they change, and which are refused."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from ordersaga.saga import Choice, Decision
from tests.workflow.journey import JourneyWorkflow
from tests.workflow.runner import ALL, Handle, Runner
from tests.workflow.shop import until


async def decide(handle: Handle, step: str, choice: Choice, by: str = "Ada", note: str = "") -> None:
    await handle.execute_update(JourneyWorkflow.resolve, Decision(step, choice, by, note))


async def states(handle: Handle) -> dict[str, str]:
    return await handle.query(JourneyWorkflow.states)


async def parked(handle: Handle, step: str) -> None:
    async def check() -> bool:
        return (await states(handle))[step] == "parked"

    await until(check)


@pytest.mark.parametrize(
    ("choice", "note", "state"),
    [(Choice.DONE_BY_HAND, "bank transfer 17", "done_by_hand"), (Choice.WRITE_OFF, "too small", "written_off")],
)
async def test_a_parked_undo_ends_by_a_decision(journey: Runner, choice: Choice, note: str, state: str) -> None:
    journey.given(do_shp=["refuse"], undo_pay=["fault"])
    handle = await journey.start()
    await parked(handle, "money")
    await decide(handle, "money", choice, note=note)

    assert await handle.result() == "undone"
    assert (await states(handle))["money"] == state
    assert journey.in_effect == ["pay"], "the decision touches no effect"


async def test_a_parked_undo_is_tried_again_at_once_when_a_person_says_so(journey: Runner) -> None:
    journey.given(do_shp=["refuse"], undo_pay=["fault"])
    handle = await journey.start(parked_interval=3_600)
    await parked(handle, "money")
    tried = journey.dos_and_undos.count("undo pay")
    await decide(handle, "money", Choice.RETRY)

    async def tried_again() -> bool:
        return journey.dos_and_undos.count("undo pay") > tried

    await until(tried_again)
    assert (await states(handle))["money"] == "parked", "it fails as before"

    journey.given(undo_pay=["ok"])
    await decide(handle, "money", Choice.RETRY)
    assert await handle.result() == "undone"
    assert journey.in_effect == []


@pytest.mark.parametrize(
    ("choice", "note", "end", "in_effect"),
    [
        (Choice.GO_FORWARD, "the carrier has it", "stands", ALL),
        (Choice.DONE_BY_HAND, "carrier's ticket 4", "undone", ["shp"]),
    ],
)
async def test_a_person_may_decide_which_way_it_goes(
    journey: Runner, choice: Choice, note: str, end: str, in_effect: list[str]
) -> None:
    journey.given(do_shp=["lost", "lost", "fault"], undo_shp=["fault"])
    handle = await journey.start(step_deadline=0.3)
    await parked(handle, "parcel")
    journey.given(do_shp=["ok"])
    await decide(handle, "parcel", choice, note=note)

    assert await handle.result() == end
    assert journey.in_effect == in_effect


async def test_a_step_that_must_be_done_and_cannot_waits_for_a_person(journey: Runner) -> None:
    """The pivot stands, but the payment was taken back by hand meanwhile."""
    journey.given(do_msg=["fault"], undo_shp=["late"])
    handle = await journey.start(step_deadline=60)
    await journey.called("do msg")
    journey.world.tombstones.add(f"pay-{journey.key}")
    await handle.signal(JourneyWorkflow.cancel, "no more")
    await parked(handle, "money")
    journey.given(do_msg=["ok"])
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
    journey: Runner, decision: Decision, problem: str
) -> None:
    journey.given(do_shp=["refuse"], undo_pay=["fault"])
    handle = await journey.start()
    await parked(handle, "money")

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update(JourneyWorkflow.resolve, decision)
    assert problem in str(refused.value.cause)
    assert (await states(handle))["money"] == "parked"
    await decide(handle, "money", Choice.WRITE_OFF, note="enough")
    with pytest.raises(RPCError):
        await decide(handle, "money", Choice.WRITE_OFF, note="twice")
