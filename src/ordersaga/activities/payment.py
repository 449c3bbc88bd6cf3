"""What an order does with payments."""

from __future__ import annotations

from temporalio import activity

from ordersaga.activities.calling import attempt, time_for_call, told_to_temporal
from ordersaga.activities.settled import settled_before
from ordersaga.clients import PaymentClient, RegisterClient
from ordersaga.contracts.payment import ChargeAnswer, ChargeRequest, RefundRequest, RefundStatus
from ordersaga.saga import UndoOutcome, UndoRequest, UndoResult

_OUTCOMES = {
    RefundStatus.REFUNDED: UndoOutcome.UNDONE,
    RefundStatus.NOTHING_TO_REFUND: UndoOutcome.NOTHING_TO_UNDO,
}


class Charged(ChargeAnswer):
    """The customer is charged."""

    attempts: int = 1


class PaymentActivities:
    """Charge a customer, and refund them."""

    def __init__(self, client: PaymentClient, register: RegisterClient | None = None) -> None:
        self._client = client
        self._register = register

    @activity.defn
    async def charge_payment(self, request: ChargeRequest) -> Charged:
        """Charge the order's total."""
        with told_to_temporal():
            answer = await self._client.charge(request, time_for_call())
        return Charged(payment_id=answer.payment_id, attempts=attempt())

    @activity.defn
    async def refund_payment(self, undo: UndoRequest) -> UndoResult:
        """Undo a charge, whether or not there is one."""
        settled = await settled_before(self._register, undo, "charge_payment")
        if settled is not None:
            return settled
        request = RefundRequest(payment_id=undo.id, owner=undo.owner or None, reason=undo.reason[:1_000])
        with told_to_temporal():
            answer = await self._client.refund(request, time_for_call())
        return UndoResult(_OUTCOMES[answer.status], attempt(), answer.status)
