"""The shipping service's client."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ordersaga.contracts.common import Reply
from ordersaga.contracts.shipping import (
    CancelShipmentAnswer,
    ShipmentAnswer,
    ShipmentEntry,
    ShipmentEvent,
    ShipmentEventState,
    ShipmentRequest,
)
from ordersaga.domain.errors import AlreadyShipped, ServiceFault, UndeliverableAddress
from ordersaga.orders.service_clients.http import ServiceHttp


class ShippingClient:
    """Shipments. Timeouts are in seconds."""

    def __init__(self, http: ServiceHttp) -> None:
        self._http = http

    async def create(self, request: ShipmentRequest, timeout: float) -> ShipmentAnswer:
        """Book a shipment. Raises UndeliverableAddress, NotYours, Fenced, IdempotencyMismatch, ServiceFault."""
        answer = await self._http.call(
            "POST", "/shipments", request, {201: ShipmentAnswer}, timeout=timeout, refusals=(UndeliverableAddress,)
        )
        if answer.shipment_id != request.shipment_id:
            raise ServiceFault(f"shipping answered for {answer.shipment_id}, not {request.shipment_id}")
        return answer

    async def cancel(self, shipment_id: str, owner: str, timeout: float) -> CancelShipmentAnswer:
        """Cancel a shipment if it exists, and reject one that arrives later.

        Raises AlreadyShipped, NotYours, ServiceFault.
        """
        return await self._http.call(
            "POST",
            f"/shipments/{shipment_id}/cancel",
            None,
            {200: CancelShipmentAnswer},
            timeout=timeout,
            refusals=(AlreadyShipped,),
            owner=owner,
        )

    async def move(self, shipment_id: str, state: ShipmentEventState, timeout: float) -> None:
        """Move a parcel on at the sandbox carrier. Raises ServiceFault."""
        event = ShipmentEvent(state=state)
        await self._http.call("POST", f"/shipments/{shipment_id}/events", event, {200: Reply}, timeout=timeout)

    def shipments(self, **filters: str) -> AsyncIterator[ShipmentEntry]:
        """All shipments, or those of one order_id. Raises ServiceUnavailable."""
        return self._http.rows("/shipments", ShipmentEntry, **filters)
