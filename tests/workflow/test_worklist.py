"""What waits for a person: parked undos, emails that were not sent, cut-off runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateStage
from temporalio.common import WorkflowIDReusePolicy

from ordersaga.audit.books import check_books
from ordersaga.domain.errors import DecisionRefused, OrderNotFound, VerdictPending
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.timeline_text import describe
from ordersaga.domain.worklist import Attention, OrderDecision, Recovery
from ordersaga.orders.client import OrderClient
from ordersaga.orders.recovery.recoveries import CUT_OFF_QUERY, start_recovery
from ordersaga.orders.recovery.watcher import ensure_schedule, schedule_id
from ordersaga.orders.workflows.order import OrderSagaWorkflow
from ordersaga.orders.workflows.projection import AT_RISK, ATTENTION, SINCE
from ordersaga.orders.workflows.watch import WatcherWorkflow
from ordersaga.saga.cancel_requests import MAX_WAITING
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from tests.workflow.environment import IN_EFFECT, OrderEnvironment, until
from tests.workflow.faulty import IMPATIENT, gone, listed


async def test_a_parked_refund_is_on_the_worklist_with_its_amount_and_age(
    env: OrderEnvironment, orders: OrderClient, parked: Fault, order_id: str
) -> None:
    item = await listed(orders, order_id)

    assert (item.attention, item.amount_at_risk, item.currency) == (Attention.PARKED, "44.98", "USD")
    (step,) = item.steps
    assert (step.name, step.undoing, step.choices) == ("charge_payment", True, ["retry", "done_by_hand", "write_off"])
    assert step.attempts >= 1
    assert step.next_try is not None
    assert "payment answered 500" in (step.error or "")
    assert datetime.now(UTC) - item.since < timedelta(minutes=1)
    assert await orders.get_order_status(order_id) is OrderStatus.NEEDS_ATTENTION

    async def the_other_undos_have_gone_on() -> bool:
        return await env.books(order_id) == ["released", "captured", "refused"]

    await until(the_other_undos_have_gone_on)


async def test_retry_now_finishes_what_was_parked(
    env: OrderEnvironment, orders: OrderClient, proxy: FaultProxy, parked: Fault, order_id: str
) -> None:
    proxy.faults.remove(parked)
    await orders.resolve(order_id, OrderDecision(choice="retry", by="Ada"))

    result = await orders.result(order_id)
    assert (result.status, result.refusal) == (OrderStatus.FAILED, "UndeliverableAddress")
    assert [(entry.step, entry.choice, entry.by) for entry in result.decisions] == [("charge_payment", "retry", "Ada")]
    assert await env.books(order_id) == ["released", "refunded", "refused"]
    await gone(orders, order_id)


async def test_an_order_that_leaves_the_worklist_keeps_nothing_of_it(
    orders: OrderClient, proxy: FaultProxy, parked: Fault, order_id: str
) -> None:
    handle = orders.temporal.get_workflow_handle(f"order-{order_id}")
    on_it = (await handle.describe()).typed_search_attributes
    assert [on_it.get(key) is not None for key in (ATTENTION, AT_RISK, SINCE)] == [True, True, True]
    proxy.faults.remove(parked)
    await orders.resolve(order_id, OrderDecision(choice="retry", by="Ada"))
    await orders.result(order_id)

    off_it = (await handle.describe()).typed_search_attributes
    assert [off_it.get(key) for key in (ATTENTION, AT_RISK, SINCE)] == [None, None, None]


async def test_done_by_hand_ends_the_order_and_is_in_its_result_and_timeline(
    orders: OrderClient, parked: Fault, order_id: str
) -> None:
    view = await orders.resolve(order_id, OrderDecision(choice="done_by_hand", by="Ada", note="bank transfer 17"))

    result = await orders.result(order_id)
    (decision,) = result.decisions
    assert (decision.choice, decision.by, decision.note) == ("done_by_hand", "Ada", "bank transfer 17")
    assert {step.name: step.state for step in result.steps}["charge_payment"] == "done_by_hand"
    assert describe(view.timeline[-1]) == "undo of charge_payment: done by hand by Ada: bank transfer 17"
    await gone(orders, order_id)
    assert [found for found in (await check_books(orders)).violations if found.order_id == order_id] == []


async def test_a_shipment_that_a_person_reports_completes_the_order_without_a_tracking_number(
    env: OrderEnvironment, orders: OrderClient, proxy: FaultProxy, order_id: str
) -> None:
    """The parcel has left, but shipping does not report that as its contract requires."""
    proxy.faults.append(Fault(Kind.GARBAGE, "ship", order_id, attempts=None))
    await orders.submit_order(await env.order(order_id, policy=IMPATIENT | {"step_deadline": 3}))

    async def booked() -> bool:
        return (await env.books(order_id))[2:] == ["created"]

    await until(booked)
    await env.parcel_leaves(order_id)
    await listed(orders, order_id)
    await orders.resolve(order_id, OrderDecision(choice="done_by_hand", by="Ada", note="the carrier's ticket 4"))

    result = await orders.result(order_id)
    assert (result.status, result.tracking_number) == (OrderStatus.COMPLETED, None)
    assert await env.books(order_id) == ["held", "captured", "shipped", "queued"]


@pytest.mark.parametrize(
    ("decision", "problem"),
    [
        ({"choice": "retry", "by": ""}, "name"),
        ({"choice": "write_off", "by": "Ada"}, "reason"),
        ({"choice": "done_by_hand", "by": "Ada"}, "reference"),
        ({"choice": "go_forward", "by": "Ada"}, "create_shipment"),
        ({"choice": "retry", "by": "Ada", "step": "reserve_inventory"}, "reserve_inventory waits for no decision"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_decision_that_cannot_be_taken_is_refused(
    orders: OrderClient, parked: Fault, order_id: str, decision: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DecisionRefused, match=problem):
        await orders.resolve(order_id, OrderDecision.model_validate(decision))
    assert await orders.get_order_status(order_id) is OrderStatus.NEEDS_ATTENTION
    await orders.resolve(order_id, OrderDecision(choice="write_off", by="Ada", note="enough"))
    await orders.result(order_id)
    with pytest.raises(DecisionRefused, match="not on the worklist"):
        await orders.resolve(order_id, OrderDecision(choice="write_off", by="Ada", note="twice"))


async def test_orders_that_wait_for_no_person_accept_no_decision(
    env: OrderEnvironment, orders: OrderClient, order_id: str
) -> None:
    decision = OrderDecision(choice="retry", by="Ada")
    with pytest.raises(OrderNotFound):
        await orders.resolve("nobody", decision)
    await orders.submit_order(await env.order(order_id, policy={"hold_before_shipping": 300}))
    with pytest.raises(DecisionRefused, match="waits for no decision"):
        await orders.resolve(order_id, decision)
    await orders.cancel_order(order_id, "seen enough")


@pytest.mark.parametrize(
    ("choice", "note", "mails"), [("retry", "", ["queued"]), ("write_off", "told her by telephone", [])]
)
async def test_an_email_that_was_not_sent_waits_for_a_person(
    env: OrderEnvironment,
    orders: OrderClient,
    proxy: FaultProxy,
    order_id: str,
    choice: Any,
    note: str,
    mails: list[str],
) -> None:
    fault = Fault(Kind.ERROR_BEFORE, "notify", order_id, attempts=None)
    proxy.faults.append(fault)
    result = await orders.place_order(await env.order(order_id, policy=IMPATIENT))
    assert (result.status, result.message_id) == (OrderStatus.COMPLETED, None)
    item = await listed(orders, order_id)
    assert (item.attention, item.status) == (Attention.MAIL_NOT_SENT, OrderStatus.COMPLETED)

    proxy.faults.remove(fault)
    with pytest.raises(DecisionRefused, match="name"):
        await orders.resolve(order_id, OrderDecision(choice=choice, by=" ", note=note))
    view = await orders.resolve(order_id, OrderDecision(choice=choice, by="Ada", note=note))

    assert [(entry.choice, entry.by) for entry in view.decisions] == [(choice, "Ada")]
    assert (await env.books(order_id))[3:] == mails
    await gone(orders, order_id)


async def test_an_email_waits_for_a_person_until_its_recovery_has_ended(
    env: OrderEnvironment, orders: OrderClient, proxy: FaultProxy, temporal: Client, order_id: str
) -> None:
    proxy.faults += [
        Fault(Kind.REFUSE, "notify", order_id),
        Fault(Kind.ERROR_BEFORE, "notify", order_id, attempts=None),
    ]
    order = await env.order(order_id, policy={"step_deadline": 300})
    await orders.place_order(order)
    await listed(orders, order_id)
    recovery = Recovery(order=order, cause=Attention.MAIL_NOT_SENT, because="a person said so")
    queue = orders.settings.task_queue
    run = await start_recovery(temporal, queue, recovery, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
    assert (await listed(orders, order_id)).attention is Attention.MAIL_NOT_SENT
    decision = OrderDecision(choice="write_off", by="Ada", note="told her by telephone")
    with pytest.raises(DecisionRefused, match="is being carried out at the moment"):
        await orders.resolve(order_id, decision)
    await run.terminate()

    assert (await listed(orders, order_id)).attention is Attention.MAIL_NOT_SENT
    await orders.resolve(order_id, decision)
    await gone(orders, order_id)


async def test_a_cancel_that_is_asked_for_again_and_again_does_not_fill_the_history(
    env: OrderEnvironment, orders: OrderClient, proxy: FaultProxy, temporal: Client, order_id: str
) -> None:
    """A signal stays in the history, which the server limits; and while the pivot is parked, no cancel is answered."""
    proxy.faults.append(Fault(Kind.ERROR_BEFORE, "cancel_shipment", order_id, attempts=None))
    policy = IMPATIENT | {"hold_before_shipping": 300}
    await orders.submit_order(await env.order(order_id, policy=policy))

    async def charged() -> bool:
        return "captured" in await env.books(order_id)

    await until(charged)
    for _ in range(3):
        with pytest.raises(VerdictPending):
            await orders.cancel_order(order_id, "no more", patience=0.5)
    await listed(orders, order_id)
    handle = temporal.get_workflow_handle(f"order-{order_id}")
    accepted = WorkflowUpdateStage.ACCEPTED
    for _ in range(MAX_WAITING - 3):
        await handle.start_update(OrderSagaWorkflow.request_cancel, "no more", wait_for_stage=accepted)
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update(OrderSagaWorkflow.request_cancel, "one too many")
    proxy.faults.clear()
    await orders.resolve(order_id, OrderDecision(choice="retry", by="Ada"))

    assert (await orders.result(order_id)).status is OrderStatus.CANCELLED
    history = await temporal.get_workflow_handle(f"order-{order_id}").fetch_history()
    signals = [each for each in history.events if each.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED]
    assert signals == []


# -- cut-off runs


async def watch(orders: OrderClient, order_id: str) -> list[str]:
    """Run a round of the watcher, once Temporal lists the order as cut off."""

    async def is_listed() -> bool:
        return f"order-{order_id}" in [each.id async for each in orders.temporal.list_workflows(CUT_OFF_QUERY)]

    await until(is_listed)
    found = await orders.temporal.execute_workflow(
        WatcherWorkflow.run, id=f"watch-{order_id}", task_queue=orders.settings.task_queue
    )
    return found.recovered


@pytest.mark.parametrize("call", ["reserve", "charge", "ship", "notify"])
async def test_a_run_terminated_at_any_step_is_undone_in_the_next_round(
    env: OrderEnvironment, orders: OrderClient, proxy: FaultProxy, temporal: Client, order_id: str, call: str
) -> None:
    fault = Fault(Kind.ERROR_AFTER, call, order_id, attempts=None)
    proxy.faults.append(fault)
    await orders.submit_order(await env.order(order_id, policy={"step_deadline": 60}))

    async def fired() -> bool:
        return bool(proxy.fired(order_id=order_id))

    await until(fired)
    handle = temporal.get_workflow_handle(f"order-{order_id}")
    await handle.terminate("somebody pressed the button")
    proxy.faults.remove(fault)
    assert (await orders.get_summary(order_id)).status is OrderStatus.NEEDS_ATTENTION
    assert (await orders.result(order_id)).status is OrderStatus.NEEDS_ATTENTION
    with pytest.raises(VerdictPending, match="cut off"):
        await orders.cancel_order(order_id, "it will be undone, so that 'too late' would be wrong")

    assert f"order-{order_id}" in await watch(orders, order_id)
    result = await orders.result(order_id)

    assert (result.status, result.error) == (OrderStatus.FAILED, "its run was cut off (terminated)")
    assert not set(await env.books(order_id)) & set(IN_EFFECT)
    assert await orders.get_order_status(order_id) is OrderStatus.FAILED
    await gone(orders, order_id)
    assert [found for found in (await check_books(orders)).violations if found.order_id == order_id] == []


async def test_a_run_terminated_after_its_parcel_left_goes_through(
    env: OrderEnvironment, orders: OrderClient, proxy: FaultProxy, temporal: Client, order_id: str
) -> None:
    fault = Fault(Kind.ERROR_BEFORE, "notify", order_id, attempts=None)
    proxy.faults.append(fault)
    await orders.submit_order(await env.order(order_id, policy={"step_deadline": 60}))

    async def booked() -> bool:
        return len(await env.books(order_id)) == 3

    await until(booked)
    await env.parcel_leaves(order_id)
    await temporal.get_workflow_handle(f"order-{order_id}").terminate()
    proxy.faults.remove(fault)
    await watch(orders, order_id)

    result = await orders.result(order_id)
    assert (result.status, result.tracking_number is not None) == (OrderStatus.COMPLETED, True)
    assert await env.books(order_id) == ["held", "captured", "shipped", "queued"]


async def test_a_recovery_that_is_cut_off_too_is_recovered_in_the_round_after(
    env: OrderEnvironment, orders: OrderClient, proxy: FaultProxy, temporal: Client, order_id: str
) -> None:
    proxy.faults.append(Fault(Kind.ERROR_BEFORE, "refund", order_id, attempts=range(1, 4)))
    await orders.submit_order(await env.order(order_id, policy={"hold_before_shipping": 300}))

    async def charged() -> bool:
        return "captured" in await env.books(order_id)

    await until(charged)
    await temporal.get_workflow_handle(f"order-{order_id}").terminate()
    await watch(orders, order_id)
    await temporal.get_workflow_handle(f"recover-{order_id}").terminate()
    proxy.faults.clear()
    assert (await orders.result(order_id)).status is OrderStatus.NEEDS_ATTENTION
    rounds = count(1)

    async def recovered() -> bool:
        """Another round, because the server's list may take a moment to show that the recovery has ended."""
        round_id = f"watch-{order_id}-{next(rounds)}"
        await temporal.execute_workflow(WatcherWorkflow.run, id=round_id, task_queue=orders.settings.task_queue)
        return await orders.get_order_status(order_id) is OrderStatus.FAILED

    await until(recovered)
    assert await env.books(order_id) == ["released", "refunded"]


async def test_the_schedule_recovers_orders(
    env: OrderEnvironment, orders: OrderClient, temporal: Client, order_id: str
) -> None:
    await orders.submit_order(await env.order(order_id, policy={"hold_before_shipping": 300}))

    async def charged() -> bool:
        return "captured" in await env.books(order_id)

    await until(charged)
    await temporal.get_workflow_handle(f"order-{order_id}").terminate()
    assert await ensure_schedule(temporal, orders.settings.task_queue, timedelta(seconds=1))
    try:
        assert await ensure_schedule(temporal, orders.settings.task_queue, timedelta(seconds=1)), "it is there already"

        async def recovered() -> bool:
            return (await orders.get_order_status(order_id)) is OrderStatus.FAILED

        await until(recovered)
    finally:
        await temporal.get_schedule_handle(schedule_id(orders.settings.task_queue)).delete()
    assert await env.books(order_id) == ["released", "refunded"]
