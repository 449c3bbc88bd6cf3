"""Waiting for an event from outside: delivered before or during the wait, polled, late, cancelled."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from ordersaga.saga import EffectId, ExternalEvent, Kind, Saga, SagaContext, Step
from tests.workflow.cases import Case, CaseRunner, CaseWorkflow, Outside, step
from tests.workflow.sample_saga import World

A, LAST = step("a"), step("last")
PIVOT = step("ship", Kind.PIVOT)
PAID = ExternalEvent[Case, str]("paid", str)
POLLED = ExternalEvent[Case, str]("paid", str, poll=Outside.look, every=timedelta(seconds=0.1))
STUBBORN = ExternalEvent[Case, str]("paid", str, ends_on_cancel=False)


def saga_of(event: ExternalEvent[Case, str], deadline: float = 300) -> Saga[Case]:
    async def story(case: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        paid = await saga.wait_for(event, timedelta(seconds=deadline))
        assert paid == "17", "a wait that has ended without a value is left"
        await saga.do(LAST)

    return Saga("case", story, A, LAST, events=[event])


async def cancel(handle: WorkflowHandle[Any, Any], natively: bool) -> None:
    """Cancel a saga with its signal, or through Temporal."""
    if natively:
        await handle.cancel()
    else:
        await handle.signal(CaseWorkflow.cancel, "no more")


async def test_an_event_that_comes_during_the_wait_ends_it(case: CaseRunner) -> None:
    handle = await case.start(saga_of(PAID))
    await case.has(lambda: "do a" in case.calls)
    await handle.signal(CaseWorkflow.deliver, args=["paid", "17"])
    await handle.signal(CaseWorkflow.deliver, args=["paid", "the first value counts"])

    assert await handle.result() == "stands"


async def test_an_event_may_come_before_the_wait(case: CaseRunner) -> None:
    case.given(do_a=["slow"])
    handle = await case.start(saga_of(PAID))
    await case.has(lambda: "do a" in case.calls)
    await handle.signal(CaseWorkflow.deliver, args=["paid", "17"])
    await handle.query(CaseWorkflow.happened)
    case.world.release.set()

    assert await handle.result() == "stands"
    assert "WaitBegun" not in await handle.query(CaseWorkflow.happened)


async def test_an_event_that_does_not_come_in_time_undoes_everything(case: CaseRunner) -> None:
    assert await case.run(saga_of(PAID, deadline=0.3)) == "undone TimedOut"
    assert case.in_effect == []


async def test_an_event_whose_message_never_comes_is_found_by_a_poll(case: CaseRunner) -> None:
    handle = await case.start(saga_of(POLLED))
    await case.has(lambda: case.outside.polls > 3)
    history = (await handle.describe()).history_length
    await case.has(lambda: case.outside.polls > 6)
    assert (await handle.describe()).history_length == history, "a poll does not grow the history"
    case.outside.found[case.key] = "17"

    assert await handle.result() == "stands"


async def test_a_poll_ends_when_the_event_is_delivered(case: CaseRunner) -> None:
    handle = await case.start(saga_of(POLLED))
    await case.has(lambda: case.outside.polls > 1)
    await handle.signal(CaseWorkflow.deliver, args=["paid", "17"])

    assert await handle.result() == "stands"


async def test_a_poll_that_finds_nothing_until_the_deadline_undoes_everything(case: CaseRunner) -> None:
    assert await case.run(saga_of(POLLED, deadline=0.5)) == "undone TimedOut"
    assert case.in_effect == []


RARELY = ExternalEvent[Case, str]("paid", str, poll=Outside.look, every=timedelta(hours=1))


async def test_an_event_may_come_after_the_last_regular_poll_and_before_the_deadline(case: CaseRunner) -> None:
    handle = await case.start(saga_of(RARELY))
    await case.has(lambda: case.outside.polls == 1)
    await handle.signal(CaseWorkflow.deliver, args=["paid", "17"])

    assert await handle.result() == "stands"


async def test_at_the_deadline_there_is_one_more_poll(case: CaseRunner) -> None:
    handle = await case.start(saga_of(RARELY, deadline=1.0))
    await case.has(lambda: case.outside.polls == 1)
    case.outside.found[case.key] = "17"

    assert await handle.result() == "stands"
    assert case.outside.polls == 2


async def test_a_poll_that_says_that_the_event_will_never_come_undoes_everything(case: CaseRunner) -> None:
    case.outside.found[case.key] = "never"

    assert await case.run(saga_of(POLLED)) == "undone CalledOff"
    assert case.in_effect == []


@pytest.mark.parametrize("event", [PAID, POLLED], ids=["delivered", "polled"])
@pytest.mark.parametrize("natively", [False, True])
async def test_a_cancel_ends_the_wait(case: CaseRunner, event: ExternalEvent[Case, str], natively: bool) -> None:
    handle = await case.start(saga_of(event))
    await case.has(lambda: "do a" in case.calls)
    await cancel(handle, natively)

    assert await asyncio.wait_for(handle.result(), 20) == "undone cancelled"
    assert case.in_effect == []


async def test_a_cancel_may_have_to_wait_for_the_event(case: CaseRunner) -> None:
    handle = await case.start(saga_of(STUBBORN))
    await case.has(lambda: "do a" in case.calls)
    await handle.signal(CaseWorkflow.cancel, "no more")
    assert (await case.client.status()).verdict is None
    await handle.signal(CaseWorkflow.deliver, args=["paid", "17"])

    assert await handle.result() == "undone cancelled"
    assert "do last" not in case.calls


async def test_once_the_pivot_stands_an_event_that_does_not_come_leaves_none(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(PIVOT)
        if await saga.wait_for(PAID, timedelta(seconds=0.3)) is None:
            await saga.try_step(gone)

    gone = step("gone", Kind.RETRIABLE)
    case.given(undo_ship=["late"])

    assert await case.run(Saga("case", story, PIVOT, gone, events=[PAID])) == "stands"
    assert case.in_effect == ["gone", "ship"]


async def test_first_attempts_after_a_wait_are_given_what_came(case: CaseRunner) -> None:
    def of_payment(subject: Case, effect_id: EffectId, paid: str) -> str:
        return effect_id if paid == "17" else "wrong"

    fast = step("fast", fast_path=True)
    later = Step("later", request=of_payment, do=World.do_step, undo=World.undo_step, fast_path=True)

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(fast)
        paid = await saga.wait_for(PAID, timedelta(minutes=5))
        assert paid is not None
        await saga.hold(timedelta(seconds=0.1))
        await saga.do(later, paid)

    handle = await case.start(Saga("case", story, fast, later, events=[PAID]))
    await case.has(lambda: "do fast" in case.calls)
    await handle.signal(CaseWorkflow.deliver, args=["paid", "17"])

    assert await handle.result() == "stands"
    assert case.in_effect == ["fast", "later"]


async def test_a_story_may_refuse_its_subject_itself(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        saga.refuse("TooBig", "it is too big")

    assert await case.run(Saga("case", story, A)) == "undone TooBig"
    assert case.in_effect == []


async def test_what_comes_after_the_wait_may_take_the_fast_path(case: CaseRunner) -> None:
    fast, after = step("fast", fast_path=True), step("after", fast_path=True)

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(fast)
        await saga.wait_for(PAID, timedelta(seconds=300))
        await saga.do(after)

    handle = await case.start(Saga("case", story, fast, after, events=[PAID]), fast_path=3)
    await case.has(lambda: "do fast" in case.calls)
    await handle.signal(CaseWorkflow.deliver, args=["paid", "17"])

    assert await asyncio.wait_for(handle.result(), 20) == "stands"
    types = [event.event_type async for event in handle.fetch_history_events()]
    assert types.count(EventType.EVENT_TYPE_MARKER_RECORDED) == 2
    assert EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED not in types


async def test_a_wait_that_another_branch_of_the_story_ends_is_left(case: CaseRunner) -> None:
    went_on: list[str | None] = []
    case.given(do_a=["refuse"])

    async def waits(saga: SagaContext[Case]) -> None:
        paid = await saga.wait_for(PAID, timedelta(seconds=300))
        went_on.append(paid)

    async def holds(saga: SagaContext[Case]) -> None:
        await saga.hold(timedelta(seconds=300))
        went_on.append("held")

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await asyncio.gather(waits(saga), holds(saga), saga.do(A))

    assert await case.run(Saga("case", story, A, events=[PAID])) == "undone Refused"
    assert went_on == []


@pytest.mark.parametrize("natively", [False, True], ids=["signal", "natively"])
async def test_a_cancel_during_a_hold_leaves_the_story_there(case: CaseRunner, natively: bool) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.hold(timedelta(seconds=300))
        saga.refuse("TooMuch", "the story has no say any more")

    handle = await case.start(Saga("case", story, A))
    await case.has(lambda: "do a" in case.calls)
    await cancel(handle, natively)

    assert await asyncio.wait_for(handle.result(), 20) == "undone cancelled"
