"""Input from other SDKs and people: cancels of any form, and activities that were completed by hand."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateStage
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.domain.errors import VerdictPending
from ordersaga.domain.result import CancelOutcome, OrderStatus
from ordersaga.orders import client
from ordersaga.saga import Choice, ExternalEvent, Kind, Saga, SagaContext, cancel_requests
from ordersaga.saga.cancel_requests import MAX_WAITING
from tests.workflow.cases import Case, CaseRunner, CaseWorkflow, Outside, step
from tests.workflow.environment import OrderEnvironment, until

A, LAST = step("a"), step("last")
PIVOT = step("ship", Kind.PIVOT)
PAID = ExternalEvent[Case, str]("paid", str, poll=Outside.look, every=timedelta(hours=1))

REASONS: dict[str, tuple[list[Any], str]] = {
    "nothing": ([], "no reason given"),
    "null": ([None], "no reason given"),
    "text": (["changed my mind"], "changed my mind"),
    "empty": ([""], "no reason given"),
    "object": ([{"reason": "late"}], '{"reason": "late"}'),
    "number": ([5], "5"),
    "two": (["changed my mind", "Ada"], "changed my mind, Ada"),
    "bytes": ([b"late\xff"], "late\ufffd"),
}


async def story(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(A)
    await saga.do(LAST)


SAGA = Saga("case", story, A, LAST)


async def by_hand(case: CaseRunner, activity: str, answer: Any) -> None:
    """Complete an activity as a person does with `temporal activity complete`."""
    name = f"{activity}-{case.key}"
    await case.temporal.get_async_activity_handle(workflow_id=case.id, run_id=None, activity_id=name).complete(answer)


@pytest.mark.parametrize(("arguments", "kept"), REASONS.values(), ids=list(REASONS))
@pytest.mark.parametrize("by", ["signal", "update"])
async def test_a_cancel_may_come_with_anything_as_its_reason(
    env: OrderEnvironment, order_id: str, by: str, arguments: list[Any], kept: str
) -> None:
    await env.orders.submit_order(await env.order(order_id, policy={"hold_before_shipping": 300}))
    handle = env.orders.temporal.get_workflow_handle(f"order-{order_id}")
    if by == "signal":
        await handle.signal("cancel", args=arguments)
    else:
        answer = await handle.execute_update("request_cancel", args=arguments)
        assert answer["outcome"] == "cancelled"

    result = await asyncio.wait_for(env.orders.result(order_id), 20)
    assert (result.status, result.cancel_reason) == (OrderStatus.CANCELLED, kept)


@pytest.mark.parametrize("arguments", [[None], [{"why": 1}], ["a", "b"]], ids=["null", "object", "two"])
async def test_so_may_the_cancel_of_any_saga(case: CaseRunner, arguments: list[Any]) -> None:
    case.given(do_last=["fault"])
    handle = await case.start(SAGA, step_deadline=300)
    await case.has(lambda: "do last" in case.calls)
    await handle.signal("cancel", args=arguments)

    assert await asyncio.wait_for(handle.result(), 20) == "undone cancelled"


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ("transfer 4711", "completed by hand: transfer 4711"),
        (None, "completed by hand"),
        (True, "completed by hand: True"),
        ({"outcome": "nothing_to_undo"}, "nothing_to_undo"),
    ],
    ids=["text", "null", "true", "proper"],
)
async def test_an_undo_may_be_completed_by_hand(case: CaseRunner, answer: Any, detail: str) -> None:
    case.given(do_last=["refuse"], undo_a=["slow"])
    handle = await case.start(SAGA)
    await case.has(lambda: "undo a" in case.calls)
    await by_hand(case, "undo a", answer)

    assert await asyncio.wait_for(handle.result(), 20) == "undone Refused"
    assert (await handle.query(CaseWorkflow.undo_answers))[-1] == detail


async def test_an_undo_that_is_completed_by_something_unreadable_is_parked(case: CaseRunner) -> None:
    case.given(do_last=["refuse"], undo_a=["slow"])
    handle = await case.start(SAGA)
    await case.has(lambda: "undo a" in case.calls)
    await by_hand(case, "undo a", {"outcome": "perhaps"})

    await case.state_is("a", "parked")
    assert (await case.client.status()).step("a").last_error == "it was answered by something that is no UndoResult"
    await case.client.resolve("a", Choice.DONE_BY_HAND, "Ada", "transfer 4711")
    assert await asyncio.wait_for(handle.result(), 20) == "undone Refused"


async def test_a_do_that_is_completed_by_something_unreadable_is_undone(case: CaseRunner) -> None:
    case.given(do_a=["slow"])
    handle = await case.start(SAGA, fast_path=0, step_deadline=300)
    await case.has(lambda: "do a" in case.calls)
    await by_hand(case, "do a", {"not": "text"})

    assert await asyncio.wait_for(handle.result(), 20) == "undone"
    case.world.release.set()
    assert case.undos == ["last", "a"]


async def test_a_poll_that_is_completed_by_something_unreadable_brings_no_event(case: CaseRunner) -> None:
    async def waits(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        assert await saga.wait_for(PAID, timedelta(seconds=300)) == "17"

    case.outside.found[case.key] = "slow"
    handle = await case.start(Saga("case", waits, A, events=[PAID]))
    await case.has(lambda: case.outside.polls == 1)
    await case.temporal.get_async_activity_handle(workflow_id=case.id, run_id=None, activity_id="poll paid").complete(
        {"not": "text"}
    )
    await handle.signal(CaseWorkflow.deliver, args=["paid", "17"])

    assert await asyncio.wait_for(handle.result(), 20) == "stands"


@pytest.fixture
async def undecided(case: CaseRunner) -> CaseRunner:
    """A saga whose pivot may or may not stand and whose undo is parked: no cancel of it is answered."""

    async def ships(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.do(PIVOT)

    case.given(do_ship=["lost", "fault"], undo_ship=["fault"])
    await case.start(Saga("case", ships, A, PIVOT), step_deadline=0.3, undo_patience=0.2)
    await case.state_is("ship", "parked")
    return case


async def test_cancels_that_wait_do_not_lock_an_operator_out(undecided: CaseRunner) -> None:
    """The server allows ten pending updates per run."""
    cancels = [asyncio.create_task(undecided.client.cancel("no more")) for _ in range(4 * MAX_WAITING)]

    async def is_asked() -> bool:
        try:
            return (await undecided.client.status(timedelta(seconds=2))).cancel_reason is not None
        except RPCError:
            return False  # the server sometimes loses a query

    await until(is_asked)
    await undecided.client.resolve("ship", Choice.DONE_BY_HAND, "Ada", "the carrier's ticket 4")
    assert set(await asyncio.wait_for(asyncio.gather(*cancels), 20)) == {"undone"}


async def test_no_more_than_that_may_wait(undecided: CaseRunner) -> None:
    handle = undecided.client.handle
    accepted = WorkflowUpdateStage.ACCEPTED
    for _ in range(MAX_WAITING):
        await handle.start_update(CaseWorkflow.request_cancel, "no more", wait_for_stage=accepted)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update(CaseWorkflow.request_cancel, "no more")

    assert "A cancel has been asked for already" in str(refused.value.cause)


async def test_answered_cancels_do_not_use_up_the_updates_of_a_run(
    undecided: CaseRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server allows 2,000 updates per run."""
    monkeypatch.setattr(cancel_requests, "MAX_ASKED", 3)
    undecided.given(undo_a=["fault"])
    await undecided.client.resolve("ship", Choice.DONE_BY_HAND, "Ada", "the carrier's ticket 4")
    await undecided.state_is("a", "parked")
    handle = undecided.client.handle
    for _ in range(3):
        assert await handle.execute_update(CaseWorkflow.request_cancel, "no more") == "undone"
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update(CaseWorkflow.request_cancel, "no more")

    assert await undecided.client.cancel("no more") == "undone", "it is read instead"
    await undecided.client.resolve("a", Choice.WRITE_OFF, "Ada", "too small")


async def test_impatient_cancels_of_an_order_are_all_answered(env: OrderEnvironment, order_id: str) -> None:
    await env.orders.submit_order(await env.order(order_id, policy={"hold_before_shipping": 300}))
    cancels = [env.orders.cancel_order(order_id, "no more") for _ in range(4 * MAX_WAITING)]

    answers = await asyncio.gather(*cancels)
    assert {answer.outcome for answer in answers} == {CancelOutcome.CANCELLED}


@pytest.mark.parametrize(
    "status", [None, RPCStatusCode.UNAVAILABLE, RPCStatusCode.ABORTED, RPCStatusCode.RESOURCE_EXHAUSTED], ids=str
)
async def test_a_cancel_whose_update_is_not_answered_is_recorded_and_answered(
    env: OrderEnvironment, order_id: str, monkeypatch: pytest.MonkeyPatch, status: RPCStatusCode | None
) -> None:
    async def no_answer(_update: object) -> None:
        if status is None:
            await asyncio.Event().wait()
        raise RPCError("workflow update was aborted", status or RPCStatusCode.UNKNOWN, b"")

    monkeypatch.setattr(client, "retry_rejected_update", no_answer)
    monkeypatch.setattr(client, "UPDATE_PATIENCE", 0.2)
    await env.orders.submit_order(await env.order(order_id, policy={"hold_before_shipping": 300}))

    answer = await env.orders.cancel_order(order_id, "no more")

    assert answer.outcome is CancelOutcome.CANCELLED
    view = await env.orders.get_order(order_id)
    assert (view.status, view.cancel_reason) == (OrderStatus.CANCELLED, "no more")


async def test_a_cancel_that_is_never_answered_ends_with_the_callers_patience(
    env: OrderEnvironment, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(client, "retry_rejected_update", never)
    monkeypatch.setattr(client, "read_until_known", never)
    await env.orders.submit_order(await env.order(order_id, policy={"hold_before_shipping": 300}))

    with pytest.raises(VerdictPending, match=r"after 1 s it is still not certain"):
        await env.orders.cancel_order(order_id, "no more", patience=1)
    await env.orders.result(order_id)
