"""The scenarios with which the project began: success, refused payment, status, cancel, placing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from ordersaga.domain.errors import OrderConflict
from ordersaga.domain.result import CancelOutcome, OrderStatus
from ordersaga.orders.activities import (
    InventoryActivities,
    NotificationActivities,
    RegisterActivities,
    ShippingActivities,
)
from ordersaga.orders.client import OrderClient
from ordersaga.orders.workflows.order import OrderSagaWorkflow
from ordersaga.orders.workflows.story import ORDER_SAGA
from ordersaga.saga import first_attempts
from ordersaga.settings import Settings
from tests.workflow.environment import IN_EFFECT, OrderEnvironment, until


async def test_an_order_completes_with_all_four_in_effect(env: OrderEnvironment, order_id: str) -> None:
    order = await env.order(order_id)

    result = await env.orders.place_order(order)

    assert result.status is OrderStatus.COMPLETED
    assert result.tracking_number
    ids = [result.reservation_id, result.payment_id, result.shipment_id, result.message_id]
    assert ids == [f"rsv-{order_id}", f"pay-{order_id}", f"shp-{order_id}", f"msg-{order_id}"]
    assert await env.books(order_id) == IN_EFFECT


async def test_a_mocked_refusal_of_the_payment_fails_the_order_and_releases_the_stock(
    env: OrderEnvironment, temporal: Client, settings: Settings, order_id: str
) -> None:
    @activity.defn(name="charge_payment")
    async def declined(*_: object) -> None:
        raise ApplicationError("Declined", non_retryable=True)

    inventory = InventoryActivities(env.services.inventory)
    mocked = settings.model_copy(update={"task_queue": "mocked"})
    activities: list[Callable[..., Any]] = [inventory.reserve_inventory, declined, inventory.release_inventory]
    activities += [
        ShippingActivities(env.services.shipping).create_shipment,
        NotificationActivities(env.services.notification).send_confirmation,
    ]
    register = RegisterActivities(env.services.register)
    activities += [register.accept_order, register.announce_unwind, register.close_order]
    activities.append(first_attempts(ORDER_SAGA, activities))
    async with Worker(temporal, task_queue="mocked", workflows=[OrderSagaWorkflow], activities=activities):
        result = await OrderClient(temporal, mocked).place_order(await env.order(order_id))

    assert result.status is OrderStatus.FAILED
    assert result.error == "Declined"
    assert await env.books(order_id) == ["released"]


async def test_the_status_can_be_asked_while_it_runs_and_after(env: OrderEnvironment, order_id: str) -> None:
    order = await env.order(order_id, policy={"hold_before_shipping": 300})
    await env.orders.submit_order(order)

    async def begun() -> bool:
        return await env.orders.get_order_status(order_id) is not OrderStatus.PENDING

    await until(begun)
    assert await env.orders.get_order_status(order_id) is OrderStatus.PROCESSING
    await env.orders.cancel_order(order_id, "enough seen")
    await env.orders.result(order_id)
    assert await env.orders.get_order_status(order_id) is OrderStatus.CANCELLED


async def test_the_cancel_signal_undoes_the_order(env: OrderEnvironment, temporal: Client, order_id: str) -> None:
    await env.orders.submit_order(await env.order(order_id, policy={"hold_before_shipping": 300}))

    async def charged() -> bool:
        return await env.books(order_id) == ["held", "captured"]

    await until(charged)
    handle = temporal.get_workflow_handle(f"order-{order_id}")
    await handle.signal(OrderSagaWorkflow.cancel, "changed my mind")

    result = await env.orders.result(order_id)
    assert result.status is OrderStatus.CANCELLED
    assert result.cancel_reason == "changed my mind"
    assert await env.books(order_id) == ["released", "refunded"]


async def test_a_cancel_of_a_completed_order_is_refused_with_its_status(env: OrderEnvironment, order_id: str) -> None:
    await env.orders.place_order(await env.order(order_id))

    answer = await env.orders.cancel_order(order_id, "too late")

    assert (answer.outcome, answer.status) == (CancelOutcome.TOO_LATE, OrderStatus.COMPLETED)
    assert await env.books(order_id) == IN_EFFECT


async def test_placing_an_order_again_gives_the_same_order_while_it_runs_and_after(
    env: OrderEnvironment, order_id: str
) -> None:
    order = await env.order(order_id)
    results = await asyncio.gather(*(env.orders.place_order(order) for _ in range(5)))
    results.append(await env.orders.place_order(order))

    assert all(result == results[0] for result in results)
    assert await env.books(order_id) == IN_EFFECT


async def test_the_same_id_with_other_content_is_a_conflict(env: OrderEnvironment, order_id: str) -> None:
    await env.orders.place_order(await env.order(order_id))
    other = await env.order(order_id, customer_id="somebody-else")

    with pytest.raises(OrderConflict, match=order_id):
        await env.orders.submit_order(other)
