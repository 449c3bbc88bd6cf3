"""A pivot with several instances: one may answer while another is still being undone."""

from __future__ import annotations

from ordersaga.saga import Choice, Kind, Saga, SagaContext
from tests.workflow.cases import Case, CaseRunner, step

A = step("a")
PIVOTS = step("ship", Kind.PIVOT, keys=lambda case: case.keys or [])
LAST = step("last", Kind.REQUIRED)


async def story(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(A)
    await saga.do_all(PIVOTS)
    await saga.do(LAST)


SAGA = Saga("case", story, A, PIVOTS, LAST)


async def test_a_pivots_instance_that_turns_out_too_late_while_another_is_asked(case: CaseRunner) -> None:
    """ship-2 answers `requested`, and then `too_late` while the undo of ship-1 is still running."""
    case.given(do_last=["refuse", "ok"], undo_ship__2=["requested", "late"], undo_ship__1=["slow"])
    handle = await case.start(SAGA, keys=["1", "2"], requested_interval=0.1, undo_patience=30)
    await case.has(lambda: case.calls.count("undo ship-2") == 2 and "undo ship-1" in case.calls)
    await case.state_is("ship[2]", "too_late")
    case.world.release.set()
    await case.state_is("ship[1]", "parked")
    await case.client.resolve("ship[1]", Choice.DONE_BY_HAND, "Ada", "sent again as 17")
    result = await handle.result()

    assert not (result.startswith("undone") and "ship-2" in case.in_effect)


async def test_going_forward_with_an_instance_after_it_is_certain_that_all_is_undone(case: CaseRunner) -> None:
    """ship-2 is parked while nothing is certain, and could go forward; then ship-1 is undone, and so is the saga."""
    case.given(do_last=["refuse"], undo_ship__2=["requested", "refuse"], undo_ship__1=["slow"])
    handle = await case.start(SAGA, keys=["1", "2"], requested_interval=0.1, parked_interval=60, undo_patience=30)
    await case.has(lambda: "undo ship-1" in case.calls)
    await case.state_is("ship[2]", "parked")
    case.world.release.set()
    await case.has(lambda: "undo a" in case.calls)
    view = await case.client.status()

    assert Choice.GO_FORWARD not in view.step("ship[2]").choices
    await handle.terminate()
