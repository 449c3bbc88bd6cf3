"""A do that is parked because the pivot stands: it is retried, and a decision on it is carried out at once."""

from __future__ import annotations

import asyncio

import pytest

from ordersaga.saga import Choice, Kind, Saga, SagaContext
from tests.workflow.cases import Case, CaseRunner, step

PIVOT, CHARGE, MAIL = step("ship", Kind.PIVOT), step("charge", Kind.REQUIRED), step("mail", Kind.RETRIABLE)
HASTY = {"step_deadline": 0.3, "undo_patience": 0.3, "parked_interval": 3_600}


async def story(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(PIVOT)
    charged = await saga.do(CHARGE)
    await saga.try_step(MAIL)
    assert charged in (None, f"answer of charge-{case.key}")


SAGA = Saga("case", story, PIVOT, CHARGE, MAIL)


@pytest.mark.parametrize("what", ["fault", "refuse"])
@pytest.mark.parametrize(
    ("choice", "note", "state"),
    [
        (Choice.RETRY, "", "done"),
        (Choice.DONE_BY_HAND, "invoice 17", "done_by_hand"),
        (Choice.WRITE_OFF, "a gift", "written_off"),
    ],
)
async def test_a_decision_does_not_wait_for_the_next_attempt(
    case: CaseRunner, what: str, choice: Choice, note: str, state: str
) -> None:
    case.given(do_charge=[what], undo_ship=["late"])
    handle = await case.start(SAGA, **HASTY)
    await case.state_is("charge", "parked")
    case.given(do_charge=["ok"])
    await case.client.resolve("charge", choice, "Ada", note)

    assert await asyncio.wait_for(handle.result(), 10) == "stands"
    assert (await case.states())["charge"] == state
    assert ("charge" in case.in_effect) is (choice is Choice.RETRY)
    assert "mail" in case.in_effect


async def test_a_parked_do_is_not_to_be_led_forward(case: CaseRunner) -> None:
    case.given(do_charge=["refuse"], undo_ship=["late"])
    handle = await case.start(SAGA, **HASTY)
    await case.state_is("charge", "parked")

    assert Choice.GO_FORWARD not in (await case.client.status()).step("charge").choices
    await handle.terminate()


async def test_once_the_pivot_stands_a_required_step_has_an_undos_patience(case: CaseRunner) -> None:
    """Its own deadline served to find out whether the saga is undone. Now it must succeed."""
    case.given(do_charge=["refuse", "fault", "fault", "ok"], undo_ship=["late"])

    assert await case.run(SAGA, step_deadline=0.3, undo_patience=60, parked_interval=3_600) == "stands"
    assert case.calls.count("do charge") == 4


async def test_a_cancel_of_what_stands_changes_nothing(case: CaseRunner) -> None:
    case.given(do_charge=["refuse"], undo_ship=["late"])
    handle = await case.start(SAGA, **HASTY)
    await case.state_is("charge", "parked")

    assert await case.client.cancel("too late") == "stands"
    assert (await case.client.status()).cancel_reason is None
    case.given(do_charge=["ok"])
    await case.client.resolve("charge", Choice.RETRY, "Ada")
    assert await handle.result() == "stands"
