"""The naive saga's workflow: regular activities, a list of compensations, a few attempts for each call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from bench.peers.naive import activities as act
    from bench.peers.naive.models import OrderInput, OrderResult, OrderStatus

THREE_TIMES = RetryPolicy(maximum_attempts=3)
UNDO = RetryPolicy(maximum_attempts=5)

Compensations = list[tuple[Callable[[str], Any], str]]


@workflow.defn
class OrderSagaWorkflow:
    """Reserve, charge, ship, confirm; on any failure undo, newest first, what is in the list."""

    def __init__(self) -> None:
        self._status = OrderStatus.PENDING

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        """Process one order to its end, and say which it was."""
        self._status = OrderStatus.PROCESSING
        compensations: Compensations = []
        try:
            result = await self._forward(order, compensations)
        except Exception as error:
            self._status = OrderStatus.COMPENSATING
            workflow.logger.warning("order failed and is undone: %s", error)
            await self._undo(compensations)
            self._status = OrderStatus.FAILED
            return OrderResult(order.order_id, self._status, error=str(error))
        return result

    async def _forward(self, order: OrderInput, compensations: Compensations) -> OrderResult:
        reservation_id = await workflow.execute_activity(
            act.reserve_inventory,
            args=[order.order_id, order.items],
            start_to_close_timeout=timedelta(minutes=2),
            retry_policy=THREE_TIMES,
        )
        compensations.append((act.release_inventory, reservation_id))
        total = sum(item.price * item.quantity for item in order.items)
        payment_id = await workflow.execute_activity(
            act.charge_payment,
            args=[order.order_id, order.customer_id, order.payment_method_id, total],
            start_to_close_timeout=timedelta(minutes=5),
            retry_policy=RetryPolicy(maximum_attempts=3, non_retryable_error_types=["PaymentDeclined"]),
        )
        compensations.append((act.refund_payment, payment_id))
        shipment = await workflow.execute_activity(
            act.create_shipment,
            args=[order.order_id, order.shipping_address, order.items],
            start_to_close_timeout=timedelta(minutes=3),
            retry_policy=THREE_TIMES,
        )
        compensations.append((act.cancel_shipment, shipment["shipment_id"]))
        await workflow.execute_activity(
            act.send_confirmation,
            args=[order.customer_id, order.order_id, shipment["tracking_number"]],
            start_to_close_timeout=timedelta(seconds=30),
        )
        self._status = OrderStatus.COMPLETED
        return OrderResult(
            order.order_id,
            self._status,
            reservation_id,
            payment_id,
            shipment["shipment_id"],
            shipment["tracking_number"],
        )

    async def _undo(self, compensations: Compensations) -> None:
        for undo, argument in reversed(compensations):
            try:
                await workflow.execute_activity(
                    undo, argument, start_to_close_timeout=timedelta(minutes=2), retry_policy=UNDO
                )
            except Exception as error:
                workflow.logger.error("an undo failed and is given up: %s", error)

    @workflow.query
    def get_status(self) -> OrderStatus:
        """Where the order stands."""
        return self._status

    @workflow.signal
    async def cancel(self, reason: str) -> None:
        """Cancel the order. The error ends the run as it stands: the list of compensations is not looked at."""
        if self._status is OrderStatus.COMPLETED:
            workflow.logger.warning("too late to cancel")
            return
        raise ApplicationError(f"Order cancelled: {reason}", non_retryable=True)
