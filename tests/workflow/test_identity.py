"""An order is told by its whole id, whatever it is called, and by its latest run, whatever came before."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from ordersaga.domain.errors import VerdictPending
from ordersaga.domain.result import OrderStatus
from ordersaga.endings import find_settlement
from ordersaga.workflows.ids import order_id_of, workflow_id
from ordersaga.workflows.watch import WatcherWorkflow
from tests.workflow.shop import Shop, until

NAMES = ["settle-{}", "order-{}", "settle-order-{}", "order-settle-{}"]


async def reset(shop: Shop, order_id: str) -> None:
    """Begin an order's run anew, as `temporal workflow reset --type FirstWorkflowTask` does."""
    temporal = shop.orders.temporal
    handle = temporal.get_workflow_handle(workflow_id(order_id))
    ends = [
        event.event_id
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    await temporal.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=temporal.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=(await handle.describe()).run_id),
            reason="for the test",
            request_id=f"reset-{order_id}",
            workflow_task_finish_event_id=ends[0],
        )
    )


@pytest.mark.parametrize("name", NAMES)
async def test_an_order_may_be_called_like_a_workflow(shop: Shop, order_id: str, name: str) -> None:
    plain, named = order_id, name.format(order_id)
    await shop.orders.submit_order(await shop.order(plain))
    await shop.orders.submit_order(await shop.order(named, policy={"hold_before_shipping": 300}))
    assert (await shop.orders.result(plain)).order_id == plain

    async def held() -> bool:
        return await shop.books(named) == ["held", "captured"]

    await until(held)
    assert (await shop.orders.get_summary(named)).order_id == named
    handle = shop.orders.temporal.get_workflow_handle(workflow_id(named))
    await handle.terminate("for the test")

    async def listed() -> bool:
        return named in [item.order_id for item in await shop.orders.worklist()]

    await until(listed)
    with pytest.raises(VerdictPending):
        await shop.orders.cancel_order(named, "no more")
    queue = shop.orders.settings.task_queue
    found = await shop.orders.temporal.execute_workflow(WatcherWorkflow.run, id=f"watch-{named}", task_queue=queue)
    assert handle.id in found.recovered
    settlement = await find_settlement(shop.orders.temporal, named)
    assert settlement is not None
    assert order_id_of(settlement) == named
    result = await asyncio.wait_for(shop.orders.result(named), 20)
    assert (result.order_id, result.status) == (named, OrderStatus.FAILED)
    assert await shop.books(named) == ["released", "refunded"]
    assert (await shop.orders.result(plain)).status is OrderStatus.COMPLETED
    assert (await shop.orders.get_order(named)).order_id == named


async def test_the_result_is_that_of_the_run_that_follows_a_reset(shop: Shop, order_id: str) -> None:
    await shop.orders.submit_order(await shop.order(order_id, policy={"hold_before_shipping": 300}))
    waiting = asyncio.create_task(shop.orders.result(order_id))

    async def held() -> bool:
        return await shop.books(order_id) == ["held", "captured"]

    await until(held)
    await reset(shop, order_id)
    done, _ = await asyncio.wait([waiting], timeout=1)
    assert not done, "the order goes on"
    await shop.orders.cancel_order(order_id, "no more")

    assert (await asyncio.wait_for(waiting, 20)).status is OrderStatus.CANCELLED
