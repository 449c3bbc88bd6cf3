"""Waits next to steps, a story's own waits, and a story that refuses its subject too late."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio import workflow

from ordersaga.saga import ExternalEvent, Kind, Saga, SagaContext
from tests.workflow.cases import Case, CaseRunner, CaseWorkflow, step

A, B, PIVOT = step("a"), step("b"), step("ship", Kind.PIVOT)
PAID = ExternalEvent[Case, str]("paid", str)
STUBBORN = ExternalEvent[Case, str]("paid", str, ends_on_cancel=False)
LONG = timedelta(seconds=300)


async def holds(saga: SagaContext[Case]) -> None:
    await saga.hold(LONG)


async def waits(saga: SagaContext[Case]) -> None:
    await saga.wait_for(PAID, LONG)


async def waits_stubbornly(saga: SagaContext[Case]) -> None:
    await saga.wait_for(STUBBORN, LONG)


@pytest.mark.parametrize("beside", [holds, waits, waits_stubbornly])
async def test_a_wait_beside_a_step_ends_when_the_step_leaves_the_story(case: CaseRunner, beside: object) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        ways = await asyncio.gather(beside(saga), saga.do(B), return_exceptions=True)  # type: ignore[operator]
        for way in ways:
            if isinstance(way, BaseException):
                raise way

    case.given(do_b=["refuse"])
    handle = await case.start(Saga("case", story, A, B, events=[STUBBORN if beside is waits_stubbornly else PAID]))

    assert await asyncio.wait_for(handle.result(), 20) == "undone Refused"
    happened = await handle.query(CaseWorkflow.happened)
    assert "HoldEnded" not in happened
    assert "WaitTimedOut" not in happened
    assert case.undos == ["a"]


@pytest.mark.parametrize("reason", ["closing time", ""])
async def test_a_condition_of_the_storys_own_that_comes_true_with_a_native_cancel_loses_nothing(
    case: CaseRunner, reason: str
) -> None:
    """With its logic flag 2, the SDK raises CancelledError there, and only in the story's task."""

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await workflow.wait_condition(lambda: workflow.cancellation_reason() is not None)

    handle = await case.start(Saga("case", story, A))
    await case.state_is("a", "done")
    await handle.cancel(reason=reason)

    assert await asyncio.wait_for(handle.result(), 20) == "undone cancelled"
    assert case.in_effect == []
    assert (await case.client.status()).cancel_reason == (reason or "cancelled through Temporal")


async def test_a_native_cancel_without_a_reason_gets_a_default_reason(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.hold(LONG)

    handle = await case.start(Saga("case", story, A))
    await case.state_is("a", "done")
    await handle.cancel()

    assert await asyncio.wait_for(handle.result(), 20) == "undone cancelled"
    assert (await case.client.status()).cancel_reason == "cancelled through Temporal"


async def test_a_story_that_still_refuses_once_its_pivot_stands_fails_its_task(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.do(PIVOT)
        saga.refuse("TooMuch", "it is too much")

    case.given(undo_ship=["late"])
    problem = await case.task_failure(Saga("case", story, A, PIVOT))

    assert "it was to be unwound, although its pivot stands: it is too much" in problem
    assert "undo a" not in case.calls
