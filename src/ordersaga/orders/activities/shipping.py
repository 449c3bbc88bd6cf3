"""The order's activities on shipments."""

from __future__ import annotations

from temporalio import activity

from ordersaga.contracts.shipping import CancelStatus, ShipmentAnswer, ShipmentRequest
from ordersaga.domain.errors import AlreadyShipped
from ordersaga.orders.activities.calling import attempt, map_service_errors, time_for_call
from ordersaga.orders.activities.earlier_decisions import earlier_decision
from ordersaga.orders.service_clients import RegisterClient, ShippingClient
from ordersaga.saga import UndoOutcome, UndoRequest, UndoResult

_OUTCOMES = {
    CancelStatus.CANCELLED: UndoOutcome.UNDONE,
    CancelStatus.NOTHING_TO_CANCEL: UndoOutcome.NOTHING_TO_UNDO,
}


class Shipped(ShipmentAnswer):
    """The result of a booking: the shipment is booked."""

    attempts: int = 1


class ShippingActivities:
    """Book a shipment, and cancel it before the carrier collects the parcel."""

    def __init__(self, client: ShippingClient, register: RegisterClient | None = None) -> None:
        self._client = client
        self._register = register

    @activity.defn
    async def create_shipment(self, request: ShipmentRequest) -> Shipped:
        """Book a shipment with the carrier."""
        with map_service_errors():
            answer = await self._client.create(request, time_for_call())
        return Shipped(shipment_id=answer.shipment_id, tracking_number=answer.tracking_number, attempts=attempt())

    @activity.defn
    async def cancel_shipment(self, undo: UndoRequest) -> UndoResult:
        """Undo a shipment, whether or not it exists. Too late once the carrier has the parcel."""
        decided = await earlier_decision(self._register, undo, "create_shipment")
        if decided is not None:
            return decided
        with map_service_errors():
            try:
                answer = await self._client.cancel(undo.id, undo.owner, time_for_call())
            except AlreadyShipped:
                return UndoResult(UndoOutcome.TOO_LATE, attempt(), "too late, the parcel has left")
        return UndoResult(_OUTCOMES[answer.status], attempt(), answer.status)
