"""The workflow of an order."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import CancelledError

with workflow.unsafe.imports_passed_through():
    from ordersaga.domain.errors import InvalidOrder
    from ordersaga.domain.order import OrderInput
    from ordersaga.domain.result import OrderResult, OrderStatus
    from ordersaga.orders.workflows.handlers import OrderHandlers


@workflow.defn(failure_exception_types=[InvalidOrder])
class OrderSagaWorkflow(OrderHandlers):
    """Brings one order to its end: shipped and paid for, or completely undone. See `order_story`."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """Run the order forward or back, and return how it ended."""
        result = self.projection.finish(await self.run_saga())
        if self.saga.cancelled_natively and result.status is OrderStatus.CANCELLED:
            raise CancelledError(f"{order.order_id} is cancelled, and everything is undone")
        return result
