"""The runs of orders: an order's own, and its recovery where that was cut off."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from temporalio.client import Client, WorkflowExecution, WorkflowFailureError, WorkflowHandle
from temporalio.service import RPCError

from ordersaga.domain.errors import OrderNotFound, WorkerUnavailable
from ordersaga.domain.result import OrderResult, OrderView
from ordersaga.orders import executions
from ordersaga.orders.connection import stuck, translate_rpc_errors
from ordersaga.orders.reading import LIVE_PATIENCE
from ordersaga.orders.starting import Handle
from ordersaga.orders.workflows.handlers import OrderHandlers
from ordersaga.orders.workflows.ids import is_recovery, workflow_id
from ordersaga.orders.workflows.order import OrderSagaWorkflow
from ordersaga.orders.workflows.recovery import OrderRecoveryWorkflow

T = TypeVar("T")


class OrderRuns:
    """Finds runs on one Temporal namespace, and asks them."""

    def __init__(self, temporal: Client) -> None:
        self._temporal = temporal

    async def result_of_recovery(self, order_id: str, recovery: WorkflowHandle[Any, OrderResult]) -> OrderResult:
        try:
            with translate_rpc_errors(order_id):
                return await recovery.result()
        except WorkflowFailureError as failure:  # it was cut off too; the watcher starts another recovery
            return executions.result_without_one(order_id, failure, None)

    async def recovery(self, order_id: str) -> WorkflowHandle[Any, OrderResult] | None:
        with translate_rpc_errors(order_id):
            run = await executions.current_run(self._temporal, order_id)
        return self._recovery_handle(run) if run is not None and is_recovery(run) else None

    async def current(self, order_id: str) -> WorkflowHandle[Any, OrderResult]:
        """The current run of an order: its own, or its recovery if that was cut off. Raises OrderNotFound."""
        with translate_rpc_errors(order_id):
            run = await executions.current_run(self._temporal, order_id)
        if run is None:
            raise OrderNotFound(f"There is no order {order_id}: Temporal has no run of it.")
        return self._recovery_handle(run) if is_recovery(run) else self.own(order_id)

    def _recovery_handle(self, run: WorkflowExecution) -> WorkflowHandle[Any, OrderResult]:
        return self._temporal.get_workflow_handle_for(OrderRecoveryWorkflow.run, run.id)

    def own(self, order_id: str) -> Handle:
        return self._temporal.get_workflow_handle_for(OrderSagaWorkflow.run, workflow_id(order_id))

    async def query(
        self, handle: WorkflowHandle[Any, OrderResult], order_id: str, query: Callable[[OrderHandlers], T]
    ) -> T:
        try:
            with translate_rpc_errors(order_id, by_worker=True):
                found: T = await handle.query(query, rpc_timeout=LIVE_PATIENCE)
        except WorkerUnavailable:
            with suppress(RPCError):
                if executions.is_wedged(await handle.describe()):
                    raise stuck(order_id) from None
            raise
        return found

    async def view_of_closed(self, handle: Handle, order_id: str) -> OrderView | None:
        try:
            return await self.query(handle, order_id, OrderHandlers.get_order)
        except WorkerUnavailable:
            return None
