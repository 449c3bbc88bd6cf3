"""Parked steps: how long they may be parked, what is shown meanwhile, and when a decision is overtaken."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from ordersaga.saga import Choice, DecisionRefused, Kind, Saga, SagaContext
from ordersaga.saga.activity_calls import LONGEST_PAUSE, LONGEST_RETRY
from ordersaga.saga.waiting import growing
from tests.workflow.cases import Case, CaseRunner, step
from tests.workflow.environment import until

A, LAST = step("a"), step("last")
PIVOT = step("ship", Kind.PIVOT)
EVENTS_OF_A_TRY = 11
MOST_EVENTS = 51_200
"""The limit of a history, by Temporal's defaults. At a fifth of it, the server warns."""


async def story(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(A)
    await saga.do(LAST)


SAGA = Saga("case", story, A, LAST)


async def durations(handle: WorkflowHandle[Any, Any], kind: EventType.ValueType) -> list[Any]:
    return [event async for event in handle.fetch_history_events() if event.event_type == kind]


def test_ten_years_of_refused_attempts_fit_into_one_history() -> None:
    pauses = islice(growing(timedelta(minutes=1), LONGEST_PAUSE), MOST_EVENTS // EVENTS_OF_A_TRY)

    assert sum(pauses, timedelta()) > timedelta(days=3_650)


async def test_the_pauses_between_refused_attempts_grow(case: CaseRunner) -> None:
    case.given(do_last=["refuse"], undo_a=["refuse"])
    handle = await case.start(SAGA, parked_interval=0.05)
    await case.has(lambda: case.calls.count("undo a") > 4)

    timers = await durations(handle, EventType.EVENT_TYPE_TIMER_STARTED)
    seconds = [each.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta() for each in timers]
    assert seconds[:4] == [timedelta(seconds=0.05 * factor) for factor in (1, 2, 4, 8)]
    case.given(undo_a=["ok"])
    assert await handle.result() == "undone Refused"


async def test_attempts_that_the_server_makes_do_not_grow_the_history(case: CaseRunner) -> None:
    case.given(do_last=["refuse"], undo_a=["fault"])
    handle = await case.start(SAGA, undo_patience=0.2, parked_interval=0.05)
    await case.state_is("a", "parked")
    await case.has(lambda: case.calls.count("undo a") > 4)
    grown = (await handle.describe()).history_length
    await case.has(lambda: case.calls.count("undo a") > 6)

    assert (await handle.describe()).history_length == grown
    undo = (await durations(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED))[-1]
    retry = undo.activity_task_scheduled_event_attributes.retry_policy
    assert retry.maximum_attempts == 0
    assert retry.backoff_coefficient == 2
    assert retry.maximum_interval.ToTimedelta() == LONGEST_RETRY
    case.given(undo_a=["ok"])
    assert await handle.result() == "undone Refused"


@pytest.mark.parametrize("fast_path", [False, True])
async def test_a_do_that_is_parked_does_not_grow_the_history_either(case: CaseRunner, fast_path: bool) -> None:
    async def shipped(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(PIVOT)
        await saga.do(charge)

    charge = step("charge", Kind.REQUIRED, fast_path=fast_path)
    case.given(do_charge=["fault"], undo_ship=["late"])
    handle = await case.start(
        Saga("case", shipped, PIVOT, charge), step_deadline=0.2, undo_patience=0.2, parked_interval=0.05
    )
    await case.state_is("charge", "parked")
    await case.has(lambda: case.calls.count("do charge") > 6)
    grown = (await handle.describe()).history_length
    await case.has(lambda: case.calls.count("do charge") > 8)

    assert (await handle.describe()).history_length == grown
    ahead = await durations(handle, EventType.EVENT_TYPE_MARKER_RECORDED)
    assert len(ahead) == (2 if fast_path else 0), "the fast path is for the first attempt of each telling"
    case.given(do_charge=["ok"])
    assert await handle.result() == "stands"


async def test_a_decision_ends_the_attempts_at_a_parked_do(case: CaseRunner) -> None:
    async def shipped(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(PIVOT)
        await saga.do(charge)

    charge = step("charge", Kind.REQUIRED)
    case.given(do_charge=["fault"], undo_ship=["late"])
    handle = await case.start(
        Saga("case", shipped, PIVOT, charge), step_deadline=0.2, undo_patience=0.2, parked_interval=0.05
    )
    await case.state_is("charge", "parked")
    tried = case.calls.count("do charge")
    await case.has(lambda: case.calls.count("do charge") > tried + 2)
    await case.client.resolve("charge", Choice.DONE_BY_HAND, "Ada", "paid in cash")

    assert await asyncio.wait_for(handle.result(), 20) == "stands"


async def test_attempts_and_their_last_error_are_known_while_they_are_made(case: CaseRunner) -> None:
    case.given(do_last=["refuse"], undo_a=["fault"])
    handle = await case.start(SAGA, undo_patience=300)

    async def tried() -> bool:
        undo = (await case.client.status()).step("a")
        assert (undo.state, undo.undoing) == ("undoing", True)
        return undo.undo_attempts >= 2 and undo.last_error == "the undo is broken" and undo.next_try is not None

    await case.has(lambda: case.calls.count("undo a") >= 2)
    await until(tried)
    case.given(undo_a=["ok"])
    assert await handle.result() == "undone Refused"


@pytest.mark.parametrize("name", ["a", "last"])
async def test_an_undo_that_is_not_the_pivots_is_not_believed_to_be_too_late(case: CaseRunner, name: str) -> None:
    case.given(do_last=["fault"], **{f"undo_{name}": ["late"]})
    handle = await case.start(SAGA, step_deadline=0.3)
    await case.state_is(name, "parked")
    status = await case.client.status()
    assert (status.verdict, status.step(name).undo_attempts >= 1) == ("undone", True)
    with pytest.raises(DecisionRefused, match="Only the undo of the pivot"):
        await case.client.resolve(name, Choice.GO_FORWARD, "Ada")
    await case.client.resolve(name, Choice.WRITE_OFF, "Ada", "it is gone")

    assert await handle.result() == "undone"


async def test_a_decision_that_is_overtaken_by_the_undo_itself_is_refused(case: CaseRunner) -> None:
    case.given(do_last=["refuse"], undo_a=["fault", "fault", "fault", "slow"])
    handle = await case.start(SAGA, undo_patience=0.2, parked_interval=0.05)
    await case.state_is("a", "parked")
    await case.has(lambda: case.calls.count("undo a") > 3 and not case.world.script[f"undo a-{case.key}"][1:])
    deciding = asyncio.create_task(case.client.resolve("a", Choice.DONE_BY_HAND, "Ada", "transfer 17"))

    async def taken() -> bool:
        return (await case.client.status()).step("a").choices == []

    await until(taken)
    case.world.release.set()
    with pytest.raises(DecisionRefused, match="a is undone"):
        await deciding
    assert await handle.result() == "undone Refused"
    assert (await case.states())["a"] == "undone"
