"""What an order does with shipments."""

from __future__ import annotations

from temporalio import activity

from ordersaga.activities.calling import attempt, time_for_call, told_to_temporal
from ordersaga.activities.settled import settled_before
from ordersaga.clients import RegisterClient, ShippingClient
from ordersaga.contracts.shipping import CancelStatus, ShipmentAnswer, ShipmentRequest
from ordersaga.domain.errors import AlreadyShipped
from ordersaga.saga import UndoOutcome, UndoRequest, UndoResult

_OUTCOMES = {
    CancelStatus.CANCELLED: UndoOutcome.UNDONE,
    CancelStatus.NOTHING_TO_CANCEL: UndoOutcome.NOTHING_TO_UNDO,
}


class Shipped(ShipmentAnswer):
    """The shipment is booked."""

    attempts: int = 1


class ShippingActivities:
    """Book a shipment, and cancel it while the parcel is still here."""

    def __init__(self, client: ShippingClient, register: RegisterClient | None = None) -> None:
        self._client = client
        self._register = register

    @activity.defn
    async def create_shipment(self, request: ShipmentRequest) -> Shipped:
        """Book a shipment with the carrier."""
        with told_to_temporal():
            answer = await self._client.create(request, time_for_call())
        return Shipped(shipment_id=answer.shipment_id, tracking_number=answer.tracking_number, attempts=attempt())

    @activity.defn
    async def cancel_shipment(self, undo: UndoRequest) -> UndoResult:
        """Undo a shipment, whether or not there is one. Too late when the carrier has the parcel."""
        settled = await settled_before(self._register, undo, "create_shipment")
        if settled is not None:
            return settled
        with told_to_temporal():
            try:
                answer = await self._client.cancel(undo.id, undo.owner, time_for_call())
            except AlreadyShipped:
                return UndoResult(UndoOutcome.TOO_LATE, attempt(), "too late, the parcel has left")
        return UndoResult(_OUTCOMES[answer.status], attempt(), answer.status)
