"""The order's activities on payments."""

from __future__ import annotations

from temporalio import activity

from ordersaga.contracts.payment import ChargeAnswer, ChargeRequest, RefundRequest, RefundStatus
from ordersaga.orders.activities.calling import attempt, map_service_errors, time_for_call
from ordersaga.orders.activities.earlier_decisions import earlier_decision
from ordersaga.orders.service_clients import PaymentClient, RegisterClient
from ordersaga.saga import UndoOutcome, UndoRequest, UndoResult

_OUTCOMES = {
    RefundStatus.REFUNDED: UndoOutcome.UNDONE,
    RefundStatus.NOTHING_TO_REFUND: UndoOutcome.NOTHING_TO_UNDO,
}


class Charged(ChargeAnswer):
    """The result of a charge: the customer is charged."""

    attempts: int = 1


class PaymentActivities:
    """Charge and refund a customer."""

    def __init__(self, client: PaymentClient, register: RegisterClient | None = None) -> None:
        self._client = client
        self._register = register

    @activity.defn
    async def charge_payment(self, request: ChargeRequest) -> Charged:
        """Charge the order's total."""
        with map_service_errors():
            answer = await self._client.charge(request, time_for_call())
        return Charged(payment_id=answer.payment_id, attempts=attempt())

    @activity.defn
    async def refund_payment(self, undo: UndoRequest) -> UndoResult:
        """Undo a charge, whether or not it exists."""
        decided = await earlier_decision(self._register, undo, "charge_payment")
        if decided is not None:
            return decided
        request = RefundRequest(payment_id=undo.id, owner=undo.owner or None, reason=undo.reason[:1_000])
        with map_service_errors():
            answer = await self._client.refund(request, time_for_call())
        return UndoResult(_OUTCOMES[answer.status], attempt(), answer.status)
