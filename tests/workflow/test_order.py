"""Orders with the real services: refusals, cancels, the client's answers, and input from other SDKs."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, CancelledError

from ordersaga.contracts.payment import PaymentState
from ordersaga.domain.errors import OrderNotFound
from ordersaga.domain.result import CancelOutcome, OrderStatus
from ordersaga.domain.timeline_text import describe
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.worker import order_worker
from ordersaga.saga import MAX_REASON
from ordersaga.settings import Settings
from ordersaga.stack.dev_server import temporal_server
from resilience.resets import reset
from tests.workflow.environment import IN_EFFECT, OrderEnvironment, place_document, until

MOON = {"street": "1 Crater Rd", "city": "Tranquility", "state": "", "zip_code": "ABC", "country": "US"}


@pytest.mark.parametrize(
    ("changes", "refusal", "books"),
    [
        ({"stock": 1}, "InsufficientInventory", ["refused"]),
        ({"payment_method_id": "pm_card_chargeDeclined"}, "PaymentDeclined", ["released", "declined"]),
        ({"shipping_address": MOON}, "UndeliverableAddress", ["released", "refunded", "refused"]),
    ],
    ids=["stock", "card", "address"],
)
async def test_a_refusal_fails_the_order_and_leaves_nothing_in_effect(
    env: OrderEnvironment, order_id: str, changes: dict[str, Any], refusal: str, books: list[str]
) -> None:
    result = await env.orders.place_order(await env.order(order_id, **changes))

    assert (result.status, result.refusal) == (OrderStatus.FAILED, refusal)
    assert result.error
    assert not any([result.reservation_id, result.payment_id, result.shipment_id, result.message_id])
    assert result.tracking_number is None
    assert await env.books(order_id) == books


@pytest.mark.parametrize(
    ("currency", "price", "amount"), [("JPY", 500, "1500"), ("USD", 19.99, "59.97"), ("KWD", "1.005", "3.015")]
)
async def test_the_customer_is_charged_to_the_last_unit(
    env: OrderEnvironment, order_id: str, currency: str, price: object, amount: str
) -> None:
    order = await env.order(order_id)
    items = [{"sku": order.items[0].sku, "quantity": 3, "price": price}]
    await env.orders.place_order(await env.order(order_id, items=items, currency=currency))

    (payment,) = [entry async for entry in env.services.payment.payments(order_id=order_id)]
    assert (payment.state, payment.amount, payment.currency) == (PaymentState.CAPTURED, amount, currency)


async def test_a_cancel_after_the_parcel_left_is_refused_and_nothing_is_refunded(
    env: OrderEnvironment, order_id: str
) -> None:
    await env.orders.place_order(await env.order(order_id))
    await env.parcel_leaves(order_id)

    answer = await env.orders.cancel_order(order_id, "I have moved")

    assert answer.outcome is CancelOutcome.TOO_LATE
    assert await env.books(order_id) == ["held", "captured", "shipped", "queued"]


async def test_temporals_own_cancellation_ends_the_run_as_cancelled(
    env: OrderEnvironment, temporal: Client, order_id: str
) -> None:
    await env.orders.submit_order(await env.order(order_id, policy={"hold_before_shipping": 300}))
    handle = temporal.get_workflow_handle(f"order-{order_id}")
    await handle.cancel()

    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, CancelledError)
    result = await env.orders.result(order_id)
    assert result.status is OrderStatus.CANCELLED
    assert {step.name for step in result.steps} >= {"reserve_inventory", "charge_payment"}
    assert not set(await env.books(order_id)) & set(IN_EFFECT)


async def test_a_cancel_asked_again_is_answered_alike(env: OrderEnvironment, order_id: str) -> None:
    await env.orders.submit_order(await env.order(order_id, policy={"hold_before_shipping": 300}))

    answers = [await env.orders.cancel_order(order_id, reason) for reason in ("once", "twice")]

    assert [answer.outcome for answer in answers] == [CancelOutcome.CANCELLED] * 2
    assert (await env.orders.result(order_id)).cancel_reason == "once"


async def test_any_sdk_can_place_an_order_in_plain_json(env: OrderEnvironment, temporal: Client, order_id: str) -> None:
    order = await env.order(order_id)
    plain = json.loads(order.model_dump_json(exclude_none=True))
    plain["items"][0]["price"] = 19.99

    handle: WorkflowHandle[Any, Any] = await temporal.start_workflow(
        "OrderSagaWorkflow", plain, id=f"order-{order_id}", task_queue="orders"
    )
    result = await handle.result()

    assert (result["status"], result["amount"]) == ("completed", "44.98")
    assert (await env.orders.submit_order(order)).created is False


@pytest.mark.parametrize(
    ("broken", "problem"),
    [({"items": []}, "items"), ({"quantity": 0}, "quantity"), ({"currency": "dollars"}, "currency"), ({}, "items")],
)
async def test_an_invalid_order_from_another_sdk_fails_at_once_and_says_why(
    env: OrderEnvironment, temporal: Client, order_id: str, broken: dict[str, object], problem: str
) -> None:
    document = json.loads((await env.order(order_id)).model_dump_json(exclude_none=True)) if broken else {}
    if "quantity" in broken:
        document["items"][0] |= broken
    else:
        document |= broken

    handle: WorkflowHandle[Any, Any] = await temporal.start_workflow(
        "OrderSagaWorkflow", document, id=f"order-{order_id}", task_queue="orders"
    )

    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == "InvalidOrder"
    assert problem in failure.value.cause.message
    result = await env.orders.result(order_id)
    assert (result.status, result.amount, result.currency) == (OrderStatus.FAILED, None, None)
    assert await env.books(order_id) == []


async def test_what_our_client_has_checked_waits_for_a_worker_that_can_read_it(
    env: OrderEnvironment, temporal: Client, order_id: str
) -> None:
    document = (await env.order(order_id)).model_dump(mode="json", exclude_none=True) | {"policy": {"fast_path": 30}}
    handle = await place_document(temporal, document, "orders")

    async def failed_task() -> str | None:
        async for event in handle.fetch_history_events():
            if event.HasField("workflow_task_failed_event_attributes"):
                return event.workflow_task_failed_event_attributes.failure.message
        return None

    message = await until(failed_task)
    assert message is not None
    assert "This version of the worker cannot read the order" in message
    assert "fast_path" in message
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await handle.terminate()


async def test_a_currency_that_there_is_not_is_declined(env: OrderEnvironment, temporal: Client, order_id: str) -> None:
    document = json.loads((await env.order(order_id)).model_dump_json(exclude_none=True)) | {"currency": "XYZ"}
    await temporal.start_workflow("OrderSagaWorkflow", document, id=f"order-{order_id}", task_queue="orders")

    result = await env.orders.result(order_id)
    assert (result.status, result.refusal) == (OrderStatus.FAILED, "PaymentDeclined")
    assert "currency_not_supported" in (result.error or "")
    assert await env.books(order_id) == ["released", "declined"]


async def test_an_order_that_does_not_exist_is_not_found(env: OrderEnvironment) -> None:
    for ask in (env.orders.get_order, env.orders.get_order_status, env.orders.result):
        with pytest.raises(OrderNotFound, match="nobody"):
            await ask("nobody")
    with pytest.raises(OrderNotFound, match="nobody"):
        await env.orders.cancel_order("nobody", "why")


async def test_orders_can_be_listed_by_status_and_customer(env: OrderEnvironment, order_id: str) -> None:
    customer = f"it's {order_id}"
    good = await env.order(f"{order_id}-good", customer_id=customer)
    bad = await env.order(f"{order_id}-bad", customer_id=customer, payment_method_id="pm_card_chargeDeclined")
    for order in (good, bad):
        await env.orders.place_order(order)

    async def listed(status: OrderStatus) -> list[str]:
        return [found.order_id async for found in env.orders.list_orders(status, customer)]

    async def both() -> bool:
        return (await listed(OrderStatus.COMPLETED), await listed(OrderStatus.FAILED)) == (
            [good.order_id],
            [bad.order_id],
        )

    await until(both)


async def test_an_order_that_was_reset_is_listed_once(env: OrderEnvironment, temporal: Client, order_id: str) -> None:
    await env.orders.submit_order(await env.order(order_id, customer_id=order_id, policy={"hold_before_shipping": 300}))

    async def charged() -> bool:
        return "captured" in await env.books(order_id)

    await until(charged)
    await reset(temporal, f"order-{order_id}")

    async def both_runs() -> bool:
        return len([found async for found in temporal.list_workflows(f"WorkflowId = 'order-{order_id}'")]) == 2

    await until(both_runs)
    listed = [found async for found in env.orders.list_orders(customer_id=order_id)]
    assert [found.status for found in listed] == [OrderStatus.PROCESSING]
    await env.orders.cancel_order(order_id, "seen enough")


async def test_an_order_reads_well_in_temporals_web_ui(env: OrderEnvironment, temporal: Client, order_id: str) -> None:
    await env.orders.place_order(await env.order(order_id))
    handle = temporal.get_workflow_handle(f"order-{order_id}")

    description = await handle.describe()
    assert await description.static_summary() == "44.98 USD for customer-1, 2 line(s)"
    assert f"- 2 x {order_id}-a at 19.99 USD" in (await description.static_details() or "")
    details = (await handle.query("__temporal_workflow_metadata")).current_details
    assert "**completed** · 44.98 USD" in details
    assert f"| charge_payment | done | pay-{order_id} | 1 |" in details


async def test_the_view_shows_each_step_and_the_events(env: OrderEnvironment, order_id: str) -> None:
    order = await env.order(order_id, payment_method_id="pm_card_chargeDeclined")
    await env.orders.place_order(order)

    view = await env.orders.get_order(order_id)

    assert {step.name: step.state for step in view.steps} == {
        "reserve_inventory": "undone",
        "charge_payment": "refused",
        "create_shipment": "pending",
        "send_confirmation": "pending",
    }
    assert [describe(entry) for entry in view.timeline] == [
        "placed",
        "reserve_inventory done",
        "charge_payment refused: PaymentDeclined",
        "undoing the order: The card was declined (generic_decline). Nothing was charged.",
        "reserve_inventory: released",
        "ended: failed",
    ]


async def test_the_timeline_shows_the_times_of_each_step_even_on_the_fast_path(
    env: OrderEnvironment, order_id: str
) -> None:
    await env.orders.place_order(await env.order(order_id))

    timeline = (await env.orders.get_order(order_id)).timeline
    received = [(entry.step, entry.since, entry.at) for entry in timeline if entry.since]
    assert [step for step, _, _ in received] == [
        "reserve_inventory",
        "charge_payment",
        "create_shipment",
        "send_confirmation",
    ]
    moments = [moment for _, *between in received for moment in between]
    assert moments == sorted(moments)
    assert all(began < ended for _, began, ended in received)


async def test_an_order_of_675_lines_completes(env: OrderEnvironment, order_id: str) -> None:
    order = await env.order(order_id, stock=1_000)
    items = [{"sku": order.items[0].sku, "quantity": 1, "price": Decimal("0.01")} for _ in range(675)]

    result = await env.orders.place_order(await env.order(order_id, stock=1_000, items=items))

    assert (result.status, result.amount) == (OrderStatus.COMPLETED, "6.75")


async def test_on_a_server_without_our_search_attributes_orders_run_and_are_listed_all_the_same(
    settings: Settings, order_id: str
) -> None:
    async with temporal_server() as address:
        temporal = await connect(target_host=address)
        orders = OrderClient(temporal, settings)
        async with order_worker(temporal, settings), OrderEnvironment.open(orders, settings) as env:
            bad = await env.order(order_id, customer_id=f"{order_id}-a", payment_method_id="pm_card_chargeDeclined")
            assert (await orders.place_order(bad)).status is OrderStatus.FAILED
            await orders.place_order(await env.order(f"{order_id}-other", customer_id=f"{order_id}-b"))
            listed = [found.order_id async for found in orders.list_orders(OrderStatus.FAILED, f"{order_id}-a")]
            assert listed == [order_id]


@pytest.mark.parametrize("by", ["signal", "update"])
async def test_a_very_long_reason_is_kept_in_part(env: OrderEnvironment, order_id: str, by: str) -> None:
    await env.orders.submit_order(await env.order(order_id, policy={"hold_before_shipping": 300}))
    handle = env.orders.temporal.get_workflow_handle(f"order-{order_id}")
    reason = "r" * 10 * MAX_REASON
    if by == "signal":
        await handle.signal("cancel", reason)
    else:
        await handle.execute_update("request_cancel", reason)

    assert (await env.orders.result(order_id)).cancel_reason == "r" * MAX_REASON
