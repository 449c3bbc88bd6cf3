"""An order is identified by its whole id, whatever it is, and by its latest run, whatever came before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ordersaga.domain.errors import OrderConflict, VerdictPending
from ordersaga.domain.result import OrderStatus
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.executions import find_recovery
from ordersaga.orders.recovery.recoveries import CUT_OFF_QUERY
from ordersaga.orders.worker import order_worker
from ordersaga.orders.workflows.ids import order_id_of, workflow_id
from ordersaga.orders.workflows.steps import CHARGE, CONFIRM, charge, confirmation
from ordersaga.orders.workflows.watch import WatcherWorkflow
from ordersaga.settings import Settings
from ordersaga.stack.dev_server import temporal_server
from resilience.resets import ends_of_tasks, reset
from tests.workflow.environment import OrderEnvironment, until

NAMES = ["recover-{}", "order-{}", "recover-order-{}", "order-recover-{}"]


@pytest.mark.parametrize("name", NAMES)
async def test_an_order_may_be_called_like_a_workflow(env: OrderEnvironment, order_id: str, name: str) -> None:
    plain, named = order_id, name.format(order_id)
    await env.orders.submit_order(await env.order(plain))
    await env.orders.submit_order(await env.order(named, policy={"hold_before_shipping": 300}))
    assert (await env.orders.result(plain)).order_id == plain

    async def held() -> bool:
        return await env.books(named) == ["held", "captured"]

    await until(held)
    assert (await env.orders.get_summary(named)).order_id == named
    handle = env.orders.temporal.get_workflow_handle(workflow_id(named))
    await handle.terminate("for the test")

    async def listed() -> bool:
        return handle.id in [each.id async for each in env.orders.temporal.list_workflows(CUT_OFF_QUERY)]

    await until(listed)
    with pytest.raises(VerdictPending):
        await env.orders.cancel_order(named, "no more")
    queue = env.orders.settings.task_queue
    found = await env.orders.temporal.execute_workflow(WatcherWorkflow.run, id=f"watch-{named}", task_queue=queue)
    assert handle.id in found.recovered
    recovery = await find_recovery(env.orders.temporal, named)
    assert recovery is not None
    assert order_id_of(recovery) == named
    result = await asyncio.wait_for(env.orders.result(named), 20)
    assert (result.order_id, result.status) == (named, OrderStatus.FAILED)
    assert await env.books(named) == ["released", "refunded"]
    assert (await env.orders.result(plain)).status is OrderStatus.COMPLETED
    assert (await env.orders.get_order(named)).order_id == named


async def test_the_result_is_that_of_the_run_that_follows_a_reset(env: OrderEnvironment, order_id: str) -> None:
    await env.orders.submit_order(await env.order(order_id, policy={"hold_before_shipping": 300}))
    waiting = asyncio.create_task(env.orders.result(order_id))

    async def held() -> bool:
        return await env.books(order_id) == ["held", "captured"]

    await until(held)
    temporal, name = env.orders.temporal, workflow_id(order_id)
    await until(lambda: ends_of_tasks(temporal, name))
    await reset(temporal, name)
    done, _ = await asyncio.wait([waiting], timeout=1)
    assert not done, "the order goes on"
    await env.orders.cancel_order(order_id, "no more")

    assert (await asyncio.wait_for(waiting, 60)).status is OrderStatus.CANCELLED


# -- an id that was used before


@pytest.fixture(scope="module")
async def later(settings: Settings) -> AsyncIterator[OrderClient]:
    """Orders on a Temporal server that has no orders, as after its retention period."""
    async with temporal_server() as address:
        temporal = await connect(target_host=address)
        async with order_worker(temporal, settings):
            yield OrderClient(temporal, settings)


@pytest.mark.parametrize(
    "change",
    [
        {"customer_id": "customer-2"},
        {"email": "eve@example.com"},
        {"payment_method_id": "pm_card_mastercard"},
        {"payment_method_id": "pm_card_chargeDeclined"},
        {"items": [{"sku": "another", "quantity": 1, "price": 1}]},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_what_another_order_had_done_under_the_id_stays_its_own(
    env: OrderEnvironment, later: OrderClient, order_id: str, change: dict[str, Any]
) -> None:
    first = await env.orders.place_order(await env.order(order_id))
    assert first.status is OrderStatus.COMPLETED
    books = await env.books(order_id)

    other = await env.order(order_id, **change)
    with pytest.raises(OrderConflict):
        await later.submit_order(other)

    queue = later.settings.task_queue
    document = other.model_dump(mode="json", exclude_none=True)
    handle = await later.temporal.start_workflow(
        "OrderSagaWorkflow", document, id=workflow_id(order_id), task_queue=queue
    )
    second = await handle.result()
    assert (second["status"], second["refusal"]) == ("failed", "OrderConflict"), "nor does it by another SDK"
    assert (second["payment_id"], second["reservation_id"], second["shipment_id"]) == (None, None, None)
    assert await env.books(order_id) == books


async def test_the_same_order_does_nothing_again_when_its_run_is_forgotten(
    env: OrderEnvironment, later: OrderClient, order_id: str
) -> None:
    first = await env.orders.place_order(await env.order(order_id))
    books = await env.books(order_id)
    second = await later.place_order(await env.order(order_id))
    assert (second.status, second.tracking_number) == (first.status, first.tracking_number)
    assert await env.books(order_id) == books


async def test_a_deploy_that_changes_the_text_of_a_request_changes_nothing(
    env: OrderEnvironment, order_id: str
) -> None:
    """An earlier version had the email sent, and its answer was lost."""
    order = await env.order(order_id)
    worded = confirmation(order, CONFIRM.effect_id(order_id), None)
    before = worded.model_copy(update={"data": worded.data | {"worded": "as before"}})
    await env.services.notification.send(before, 5)

    assert (await env.orders.place_order(order)).status is OrderStatus.COMPLETED
    assert [each.state async for each in env.services.notification.notifications(order_id=order_id)] != ["recalled"]


async def test_an_effect_that_is_not_what_was_asked_for_unwinds_nothing_and_waits_for_a_person(
    env: OrderEnvironment, order_id: str
) -> None:
    order = await env.order(order_id)
    other = charge(order, CHARGE.effect_id(order_id)).model_copy(update={"amount": "44.97"})
    await env.services.payment.charge(other, 5)
    await env.orders.submit_order(order)

    async def is_parked() -> bool:
        return await env.orders.get_order_status(order_id) is OrderStatus.NEEDS_ATTENTION

    await until(is_parked)
    assert await env.books(order_id) == ["held", "captured"]
    step = next(each for each in (await env.orders.get_order(order_id)).steps if each.name == CHARGE.name)
    assert (step.state, step.choices) == ("parked", ["retry"])
    assert "another body" in (step.last_error or "")

    assert (await env.orders.cancel_order(order_id, "the amount is wrong")).outcome == "cancelled"
    await env.orders.result(order_id)
    assert await env.books(order_id) == ["released", "refunded"]
