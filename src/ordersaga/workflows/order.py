"""The story of an order."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import CancelledError

with workflow.unsafe.imports_passed_through():
    from ordersaga.domain.errors import InvalidOrder
    from ordersaga.domain.order import OrderInput
    from ordersaga.domain.result import OrderResult, OrderStatus
    from ordersaga.workflows.handlers import OrderHandlers
    from ordersaga.workflows.steps import (
        CHARGE,
        CONFIRM,
        RESERVE,
        SHIP,
        charge,
        confirmation,
        reservation,
        shipment,
    )


class OrderStory(OrderHandlers):
    """What happens to an order, forward. How it goes back follows from the steps (ordersaga.workflows.steps)."""

    async def story(self) -> None:
        """What happens to an order in which nothing goes wrong."""
        await self.saga.do(RESERVE, reservation(self.order))
        await self.saga.do(CHARGE, charge(self.order))
        await self.saga.hold(timedelta(seconds=self.policy.hold_before_shipping))
        booked = await self.saga.do(SHIP, shipment(self.order))
        self.report.tracking_number = booked.tracking_number
        await self.saga.attempt(CONFIRM, confirmation(self.order, booked.tracking_number))


@workflow.defn(failure_exception_types=[InvalidOrder])
class OrderSagaWorkflow(OrderStory):
    """Brings one order to its end: shipped and paid for, or completely undone."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """Run the story, forward or back, and say how it ended."""
        result = self.report.ended(await self.saga.run(self.story))
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self.saga.cancelled_natively and result.status is OrderStatus.CANCELLED:
            raise CancelledError(f"{order.order_id} is cancelled, and everything is undone")
        return result
