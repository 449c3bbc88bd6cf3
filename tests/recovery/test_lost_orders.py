"""Orders that only the register knows, or whose end it does not know: each ends as it should, exactly once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.contracts.register import EndingState
from ordersaga.domain.errors import OrderConflict, OrderNotFound, ServiceUnavailable
from ordersaga.domain.result import CancelOutcome, OrderStatus
from ordersaga.orders.activities import claim_of
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.recovery import lost_orders
from ordersaga.orders.recovery.lost_orders import LostOrders
from ordersaga.orders.service_clients import Services
from ordersaga.orders.workflows.ids import workflow_id
from ordersaga.settings import SERVICES, Settings, load_settings
from ordersaga.stack.dev_server import temporal_server
from tests.recovery.test_watcher import HELD, held, one_round
from tests.services.harness import serving
from tests.workflow.environment import IN_EFFECT, OrderEnvironment, until


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Skip the grace period in which the client may still start the order."""
    with patch.object(lost_orders, "GRACE", timedelta(0)):
        yield


@pytest.fixture
async def restored(tmp_path: Path) -> AsyncIterator[Services]:
    """Empty services, as after a restore from a copy that is older than all orders."""
    async with serving(tmp_path) as url, Services.open({name: f"{url}/{name}" for name in SERVICES}) as services:
        yield services


@pytest.fixture
async def later(settings: Settings) -> AsyncIterator[OrderClient]:
    """A client of a Temporal server that has no orders, as after its retention period."""
    async with temporal_server() as address:
        yield OrderClient(await connect(target_host=address), settings)


async def forget(temporal: Client, order_id: str) -> None:
    """Make Temporal lose an order's run, as after a restore from an older copy."""
    name = workflow_id(order_id)
    request = DeleteWorkflowExecutionRequest(
        namespace=temporal.namespace, workflow_execution=WorkflowExecution(workflow_id=name)
    )
    await temporal.workflow_service.delete_workflow_execution(request)

    async def gone() -> bool:
        running = f'WorkflowId = "{name}" AND ExecutionStatus = "Running"'
        if [each.id async for each in temporal.list_workflows(running)]:
            return False
        try:
            await temporal.get_workflow_handle(name).describe()
        except RPCError as error:
            return error.status is RPCStatusCode.NOT_FOUND
        return False

    await until(gone, 60)  # the server takes a while to delete


async def test_an_order_that_was_accepted_and_never_started_is_started_by_the_watcher(
    env: OrderEnvironment, order_id: str
) -> None:
    order = env.orders.settings.with_policy(await env.order(order_id))
    await env.orders.register.accept(order, env.orders.settings.task_queue)
    assert await env.orders.get_order_status(order_id) is OrderStatus.PENDING

    found = await one_round(env.orders, order_id)

    assert order_id in found.started
    assert (await env.orders.result(order_id)).status is OrderStatus.COMPLETED
    assert await env.books(order_id) == IN_EFFECT
    assert order_id not in (await one_round(env.orders, f"{order_id}-again")).started


async def test_an_order_that_runs_or_has_ended_is_left_alone(env: OrderEnvironment, order_id: str) -> None:
    await held(env, env.orders, order_id)
    ended = f"{order_id}-ended"
    await env.orders.place_order(await env.order(ended))

    found = await one_round(env.orders, order_id)

    assert not {order_id, ended} & set(found.started)
    await env.orders.cancel_order(order_id, "enough seen")


async def test_a_watcher_starts_the_orders_of_its_own_task_queue_only(env: OrderEnvironment, order_id: str) -> None:
    await env.orders.register.accept(await env.order(order_id), "another deployment's")
    assert order_id not in (await one_round(env.orders, order_id)).started


@pytest.mark.parametrize("cancel", [False, True], ids=["goes-on", "is-cancelled"])
async def test_an_order_that_temporal_has_lost_goes_on_and_does_nothing_twice(
    env: OrderEnvironment, temporal: Client, order_id: str, cancel: bool
) -> None:
    await held(env, env.orders, order_id)
    await forget(temporal, order_id)

    assert order_id in (await one_round(env.orders, order_id)).started
    if cancel:
        answer = await env.orders.cancel_order(order_id, "no more")
        assert answer.outcome is CancelOutcome.CANCELLED
        assert (await env.orders.result(order_id)).status is OrderStatus.CANCELLED
        assert await env.books(order_id) == ["released", "refunded"]
        return
    assert await env.books(order_id) == ["held", "captured"]
    await env.orders.cancel_order(order_id, "enough seen")


async def test_an_order_whose_id_another_run_has_taken_is_started_after_that(
    env: OrderEnvironment, temporal: Client, order_id: str
) -> None:
    """Another SDK has started other content with this id. That run was rejected, but it blocks the id."""
    order = await env.order(order_id)
    await env.orders.register.accept(order, env.orders.settings.task_queue)
    other = order.model_copy(update={"customer_id": "somebody else"}).model_dump(mode="json")
    queue, name = env.orders.settings.task_queue, workflow_id(order_id)
    handle = await temporal.start_workflow("OrderSagaWorkflow", other, id=name, task_queue=queue)
    assert (await handle.result())["refusal"] == "OrderConflict"

    assert order_id in (await one_round(env.orders, order_id)).started
    assert (await env.orders.result(order_id)).status is OrderStatus.COMPLETED


async def test_a_register_that_has_lost_an_end_gets_it_again(
    env: OrderEnvironment, temporal: Client, restored: Services, order_id: str
) -> None:
    order = env.orders.settings.with_policy(await env.order(order_id))
    result = await env.orders.place_order(order)
    queue = env.orders.settings.task_queue
    await restored.register.claim(order_id, claim_of(order, queue), 5)
    lost = LostOrders(temporal, queue, restored.register)

    [entry] = [each async for each in lost.find() if each.order_id == order_id]
    assert await lost.recover(entry) == "closed"

    record = await restored.register.order(order_id)
    assert record.state is EndingState.COMPLETED
    assert record.ending is not None
    assert record.ending.result["tracking_number"] == result.tracking_number
    assert await lost.recover(entry) is None


async def test_what_outlives_a_run_is_shown_when_temporal_has_deleted_it(
    env: OrderEnvironment, later: OrderClient, order_id: str
) -> None:
    """Fault 19, and the first half of fault 1."""
    order = await env.order(order_id)
    result = await env.orders.place_order(order)

    assert await later.get_order_status(order_id) is OrderStatus.COMPLETED
    assert await later.result(order_id) == result
    view = await later.get_order(order_id)
    assert [step.state for step in view.steps] == ["done"] * 4
    assert [entry.kind for entry in view.timeline] == ["placed", *["step_done"] * 4, "ended"]
    assert (await later.get_summary(order_id)).closed_at is not None
    answer = await later.cancel_order(order_id, "too late")
    assert (answer.outcome, answer.status) == (CancelOutcome.TOO_LATE, OrderStatus.COMPLETED)
    assert not (await later.submit_order(order)).created
    assert await later.place_order(order) == result
    other = await env.order(order_id, customer_id="somebody else")
    with pytest.raises(OrderConflict):
        await later.submit_order(other)
    assert await env.books(order_id) == IN_EFFECT
    with pytest.raises(OrderNotFound):
        await later.result(f"{order_id}-never")


async def test_nothing_is_started_when_the_register_does_not_answer(env: OrderEnvironment, order_id: str) -> None:
    nowhere = load_settings(register_url="http://127.0.0.1:1/register")
    with pytest.raises(ServiceUnavailable, match="Place it again; it is placed only once"):
        await OrderClient(env.orders.temporal, nowhere).submit_order(await env.order(order_id, policy=HELD))
    with pytest.raises(OrderNotFound):
        await env.orders.get_summary(order_id)
