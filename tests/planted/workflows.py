"""A bug in the order's workflow: another workflow class, which a worker runs instead of the correct one."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from ordersaga.domain.order import OrderInput
    from ordersaga.domain.result import OrderResult
    from ordersaga.orders.workflows.order import OrderSagaWorkflow


@workflow.defn(name="OrderSagaWorkflow")
class RaisesInTheSignalHandler(OrderSagaWorkflow):
    """Ends the run where the cancel arrives, without undoing anything."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    @workflow.signal
    def cancel(self, reason: str = "") -> None:
        """Fail the workflow."""
        raise ApplicationError(f"Order cancelled: {reason}", non_retryable=True)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """The order's run."""
        return await super().run(order)
