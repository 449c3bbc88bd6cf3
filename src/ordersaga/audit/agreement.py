"""Do the register and Temporal agree? After a restore of either, this finds each order on which they do not."""

from __future__ import annotations

from collections.abc import AsyncIterator

from temporalio.client import WorkflowExecution, WorkflowExecutionStatus

from ordersaga.audit.rules import Rule, Violation
from ordersaga.contracts.register import OrderRecord
from ordersaga.domain.result import OrderStatus
from ordersaga.orders import executions
from ordersaga.orders.client import OrderClient
from ordersaga.orders.workflows.ids import order_id_of
from ordersaga.orders.workflows.projection import CUSTOMER, STATUS

_ENDED_QUERY = 'WorkflowType = "OrderSagaWorkflow" AND ExecutionStatus IN ("Completed", "Canceled")'


async def disagreements(client: OrderClient) -> list[Violation]:
    """The orders that have ended in Temporal, but not in the register or with another end.

    Raises RPCError, ServiceUnavailable.
    """
    registered = {order.order_id: order async for order in client.list_orders()}
    found = []
    async for order_id, execution in _latest(client):
        order = registered.get(order_id)
        status = _status(execution)
        if order is not None and order.closed_at is not None and status in (None, order.status):
            continue
        problem = await _problem(client, order_id, execution)
        if problem is not None:
            found.append(Violation(Rule.REGISTER, problem, order_id))
    return found


async def _latest(client: OrderClient) -> AsyncIterator[tuple[str, WorkflowExecution]]:
    """The latest run of each order that has ended, as Temporal lists them."""
    latest: dict[str, WorkflowExecution] = {}
    async for execution in client.temporal.list_workflows(_ENDED_QUERY):
        before = latest.get(execution.id)
        if before is None or before.start_time < execution.start_time:
            latest[execution.id] = execution
    for execution in latest.values():
        yield order_id_of(execution), execution


def _status(execution: WorkflowExecution) -> OrderStatus | None:
    """The status with which the run has ended, if its search attributes have it."""
    attributes = execution.typed_search_attributes
    if execution.status is WorkflowExecutionStatus.CANCELED:
        return OrderStatus.CANCELLED
    if (written := attributes.get(STATUS)) is not None:
        return OrderStatus(written)
    return OrderStatus.COMPLETED if attributes.get(CUSTOMER) is not None else None


async def _problem(client: OrderClient, order_id: str, execution: WorkflowExecution) -> str | None:
    """What is wrong with one order, from full reads.

    The register is read first, because it is written before a run ends.
    """
    result = await executions.result_of_run(client.temporal, order_id, execution)
    record = await client.register.find(order_id)
    if record is None:
        return f"order {order_id} is {result.status} in Temporal, but the register does not know it"
    if result.refusal == "OrderConflict" or record.status is result.status:
        return None  # either it was another order's run, which was rejected, or the register has just been written
    return f"order {order_id} is {result.status} in Temporal, but {_by_register(record)} in the register"


def _by_register(record: OrderRecord) -> str:
    return str(record.status) if record.ending else f"not ended ({record.status})"
