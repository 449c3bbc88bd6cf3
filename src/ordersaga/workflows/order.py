"""The story of an order."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import CancelledError

with workflow.unsafe.imports_passed_through():
    from ordersaga.domain.errors import InvalidOrder
    from ordersaga.domain.order import OrderInput, OrderPolicy
    from ordersaga.domain.result import CancelAnswer, CancelOutcome, OrderResult, OrderStatus, OrderView
    from ordersaga.saga import SagaRun, Verdict
    from ordersaga.workflows.report import Report
    from ordersaga.workflows.steps import (
        CHARGE,
        CONFIRM,
        ORDER_SAGA,
        RESERVE,
        SHIP,
        charge,
        confirmation,
        reservation,
        saga_policy,
        shipment,
    )


@workflow.defn(failure_exception_types=[InvalidOrder])
class OrderSagaWorkflow:
    """Brings one order to its end: shipped and paid for, or completely undone."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        self.order = order
        self.policy = order.policy or OrderPolicy()
        self.saga = SagaRun(ORDER_SAGA, order.order_id, saga_policy(self.policy), self._changed)
        self.report = Report(order, self.saga)

    async def story(self) -> None:
        """What happens to an order in which nothing goes wrong."""
        await self.saga.do(RESERVE, reservation(self.order))
        await self.saga.do(CHARGE, charge(self.order))
        await self.saga.hold(timedelta(seconds=self.policy.hold_before_shipping))
        booked = await self.saga.do(SHIP, shipment(self.order))
        self.report.tracking_number = booked.tracking_number
        await self.saga.attempt(CONFIRM, confirmation(self.order, booked.tracking_number))

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """Run the story, forward or back, and say how it ended."""
        result = self.report.ended(await self.saga.run(self.story))
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self.saga.cancelled_natively and result.status is OrderStatus.CANCELLED:
            raise CancelledError(f"{order.order_id} is cancelled, and everything is undone")
        return result

    @workflow.signal
    def cancel(self, reason: str = "") -> None:
        """Ask for the order to be cancelled. Nobody is told whether it was: request_cancel answers."""
        self.saga.cancel(reason[:500] or "no reason given")

    @workflow.update
    async def request_cancel(self, reason: str = "") -> CancelAnswer:
        """Ask for the order to be cancelled, and answer when it is certain whether it is."""
        self.cancel(reason)
        undone = await self.saga.settled() is Verdict.UNDONE
        outcome = CancelOutcome.CANCELLED if undone else CancelOutcome.TOO_LATE
        return CancelAnswer(order_id=self.order.order_id, outcome=outcome, status=self.report.status)

    @workflow.query
    def get_status(self) -> OrderStatus:
        """Where the order stands."""
        return self.report.status

    @workflow.query
    def get_order(self) -> OrderView:
        """All that is known of the order."""
        return self.report.view()

    def _changed(self) -> None:
        self.report.publish()
