"""The order in which effects are undone, which are left alone, and what ends an undo that is no longer needed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from temporalio.api.enums.v1 import EventType

from ordersaga.saga import Choice, Kind, Saga, SagaContext
from tests.workflow.cases import Case, CaseRunner, step
from tests.workflow.environment import until

A, B, LAST = step("a"), step("b"), step("last")
PARCELS = step("parcel", keys=lambda case: case.keys or [])
PIVOTS = step("ship", Kind.PIVOT, keys=lambda case: case.keys or [])
CAPTURE = step("capture", Kind.REQUIRED)
MAIL = step("mail", Kind.RETRIABLE)


async def cancel_is_heard(case: CaseRunner) -> None:
    """Wait until the run knows that it was cancelled."""

    async def heard() -> bool:
        return (await case.client.status()).cancel_reason is not None

    await until(heard)


def parcels_in(order: Sequence[str]) -> Saga[Case]:
    """A saga that does its parcels in this order, some perhaps not at all, and is then refused."""

    async def story(case: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        for key in order:
            await saga.do(PARCELS, key=key)
        await saga.do(LAST)

    return Saga("case", story, A, PARCELS, LAST)


@pytest.mark.parametrize(
    ("order", "undos"),
    [("213", "312"), ("123", "321"), ("2", "231"), ("", "321")],
    ids=["own", "declared", "one", "none"],
)
async def test_instances_are_undone_in_the_reverse_of_the_order_in_which_they_were_begun_or_else_declared(
    case: CaseRunner, order: str, undos: str
) -> None:
    case.given(do_last=["refuse"])

    assert await case.run(parcels_in(order), keys=["1", "2", "3"]) == "undone Refused"
    assert case.undos == [*(f"parcel-{key}" for key in undos), "a"]


async def test_a_refused_instance_is_left_alone_and_all_others_are_undone_begun_or_not(case: CaseRunner) -> None:
    case.given(do_parcel__1=["refuse"])

    assert await case.run(parcels_in("213"), keys=["1", "2", "3"]) == "undone Refused"
    assert case.undos == ["parcel-2", "parcel-3", "a"]


async def test_what_is_declared_later_than_the_refused_step_and_was_not_begun_is_left_alone(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.do(B)
        await saga.do(LAST)

    case.given(do_b=["refuse"])
    assert await case.run(Saga("case", story, A, B, LAST)) == "undone Refused"
    assert case.undos == ["a"]
    assert (await case.states()) == {"a": "undone", "b": "refused", "last": "pending"}


async def test_what_is_declared_before_the_refused_step_is_undone_begun_or_not(case: CaseRunner) -> None:
    """A run that has lost its memory may have done it."""

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(B)

    case.given(do_b=["refuse"])
    assert await case.run(Saga("case", story, A, B, LAST)) == "undone Refused"
    assert case.undos == ["a"]


async def test_undos_are_made_one_after_the_other(case: CaseRunner) -> None:
    case.given(do_last=["refuse"], undo_parcel__3=["slow"])
    handle = await case.start(parcels_in("123"), keys=["1", "2", "3"])
    await case.has(lambda: "undo parcel-3" in case.calls)
    await case.client.status()
    assert case.undos == ["parcel-3"]
    case.world.release.set()

    assert await handle.result() == "undone Refused"
    assert case.undos == ["parcel-3", "parcel-2", "parcel-1", "a"]


@pytest.mark.parametrize(("what", "state"), [("refuse", "parked"), ("requested", "undo_requested")])
async def test_an_undo_that_takes_long_keeps_no_other_waiting_but_the_end(
    case: CaseRunner, what: str, state: str
) -> None:
    case.given(do_last=["refuse"], undo_parcel__2=[what])
    handle = await case.start(parcels_in("12"), keys=["1", "2"], parked_interval=60, requested_interval=60)
    await case.has(lambda: "undo a" in case.calls)

    assert case.undos == ["parcel-2", "parcel-1", "a"]
    assert (await case.states())["parcel[2]"] == state
    view = await case.client.status()
    assert (view.phase, view.verdict) == ("unwinding", "undone")
    await handle.terminate()


async def test_an_undo_that_was_asked_for_ends_when_another_instance_of_the_pivot_stands(case: CaseRunner) -> None:
    """Otherwise it would take back what is done again."""

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.do_all(PIVOTS)
        await saga.do(CAPTURE)

    case.given(do_capture=["refuse", "ok"], undo_ship__2=["requested"], undo_ship__1=["late"])
    handle = await case.start(Saga("case", story, A, PIVOTS, CAPTURE), keys=["1", "2"], requested_interval=60)

    assert await handle.result() == "stands"
    assert case.undos == ["ship-2", "ship-1"]
    assert case.in_effect == ["a", "capture", "ship-1", "ship-2"]
    happened = [event.event_type async for event in handle.fetch_history_events()]
    assert EventType.EVENT_TYPE_TIMER_STARTED in happened, "it was to be asked again"
    assert EventType.EVENT_TYPE_TIMER_CANCELED in happened


async def test_the_pivot_is_asked_before_anything_else_is_touched(case: CaseRunner) -> None:
    ship = step("ship", Kind.PIVOT)
    required = step("required", Kind.REQUIRED)

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.do(ship)
        await saga.do(required)
        await saga.try_step(MAIL)

    case.given(do_mail=["slow"], undo_ship=["refuse"])
    handle = await case.start(Saga("case", story, A, ship, required, MAIL), parked_interval=60)
    await case.has(lambda: "do mail" in case.calls)
    cancelling = asyncio.create_task(case.client.cancel("no more"))
    await cancel_is_heard(case)
    case.world.release.set()
    await case.state_is("ship", "parked")

    assert case.undos == ["ship"]
    assert (await case.client.status()).verdict is None
    case.given(undo_ship=["ok"])
    await case.client.resolve("ship", Choice.RETRY, "Ada")
    assert await cancelling == "undone"
    assert await handle.result() == "undone cancelled"
    assert case.undos == ["ship", "mail", "required", "a"]
