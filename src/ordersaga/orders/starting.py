"""Starts an order's run, with its id, memo and search attributes."""

from __future__ import annotations

from temporalio.client import Client, WorkflowHandle
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError

from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderResult
from ordersaga.orders import executions
from ordersaga.orders.connection import map_rpc_error
from ordersaga.orders.workflows.ids import workflow_id
from ordersaga.orders.workflows.order import OrderSagaWorkflow
from ordersaga.orders.workflows.projection import CUSTOMER

Handle = WorkflowHandle[OrderSagaWorkflow, OrderResult]
_SHOWN_ID = 50
"""The length to which a customer's id is cut in a summary. A summary may have 400 bytes."""


class Starter:
    """Starts orders on one namespace and task queue, with our search attributes if the server knows them."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self._temporal, self._task_queue = temporal, task_queue
        self.searchable = True

    async def start(
        self, order: OrderInput, reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.REJECT_DUPLICATE
    ) -> Handle:
        """Start an order. Raises WorkflowAlreadyStartedError, TemporalUnavailable."""
        customer = TypedSearchAttributes([SearchAttributePair(CUSTOMER, order.customer_id)])
        total = order.total
        try:
            return await self._temporal.start_workflow(
                OrderSagaWorkflow.run,
                order,
                id=workflow_id(order.order_id),
                task_queue=self._task_queue,
                id_reuse_policy=reuse,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                memo={"customer_id": order.customer_id, "amount": total.amount, "currency": total.currency},
                search_attributes=customer if self.searchable else None,
                static_summary=f"{total} for {order.customer_id[:_SHOWN_ID]}, {len(order.items)} line(s)",
                static_details=executions.static_details(order),
            )
        except (RPCError, RuntimeError) as error:
            if self.is_unsearchable(error):
                return await self.start(order, reuse)
            raise map_rpc_error(error, order.order_id) from None

    def is_unsearchable(self, error: Exception) -> bool:
        """Whether the server does not know our search attributes. If so, they are left out from now on."""
        if not (self.searchable and executions.is_unknown_attribute(error)):
            return False
        self.searchable = False
        return True
