"""Book, cancel and move parcels. Each function runs in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from ordersaga.contracts.shipping import (
    CancelShipmentAnswer,
    CancelStatus,
    ShipmentAnswer,
    ShipmentEntry,
    ShipmentEventState,
    ShipmentRequest,
    ShipmentState,
)
from ordersaga.domain.errors import AlreadyShipped, InvalidTransition, UndeliverableAddress
from ordersaga.services.kit.answer import Answer, refusal, reply
from ordersaga.services.kit.paged_table import PagedTable
from ordersaga.services.kit.store import Row, Transaction, now

_INSERT = """
INSERT INTO shipment (shipment_id, order_id, state, tracking_number, address, items, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_SET_STATE = "UPDATE shipment SET state = ? WHERE shipment_id = ?"

_WAY = (ShipmentState.CREATED, ShipmentState.SHIPPED, ShipmentState.DELIVERED)
"""The states of a parcel on its way, in order."""


def _entry(row: Row) -> ShipmentEntry:
    return ShipmentEntry(
        shipment_id=row["shipment_id"],
        order_id=row["order_id"],
        state=row["state"],
        tracking_number=row["tracking_number"],
        items=json.loads(row["items"]),
        created_at=row["created_at"],
    )


TABLE = PagedTable(
    "SELECT seq, shipment_id, order_id, state, tracking_number, items, created_at FROM shipment", "shipment_id", _entry
)
NOTHING = reply(CancelShipmentAnswer(status=CancelStatus.NOTHING_TO_CANCEL))


async def create(tx: Transaction, request: ShipmentRequest, impossible: Mapping[str, str]) -> Answer:
    """Book a parcel, unless its address is impossible. A refused shipment is stored too."""
    tracking_number = None if impossible else tracking_number_of(request.shipment_id)
    await tx.execute(
        _INSERT,
        request.shipment_id,
        request.order_id,
        ShipmentState.REFUSED if impossible else ShipmentState.CREATED,
        tracking_number,
        request.address.model_dump_json(),
        json.dumps([line.model_dump() for line in request.items]),
        now(),
    )
    if tracking_number is None:
        why = ", ".join(f"{field} is {reason}" for field, reason in impossible.items())
        error = UndeliverableAddress(f"The address does not exist: {why}. No shipment was created.")
        return refusal(error, fields=dict(impossible))
    return reply(ShipmentAnswer(shipment_id=request.shipment_id, tracking_number=tracking_number), 201)


async def cancel(tx: Transaction, shipment_id: str) -> Answer:
    """Cancel a parcel that has not left. Raises AlreadyShipped."""
    shipment = await TABLE.find(tx, shipment_id, lock="wait")
    if shipment.state in (ShipmentState.SHIPPED, ShipmentState.DELIVERED):
        raise AlreadyShipped(f"The parcel of {shipment_id} is {shipment.state}. Nothing was cancelled.")
    await tx.execute(_SET_STATE, ShipmentState.CANCELLED, shipment_id)
    return reply(CancelShipmentAnswer(status=CancelStatus.CANCELLED))


async def move(tx: Transaction, shipment_id: str, event: ShipmentEventState) -> ShipmentEntry:
    """Move a parcel on by one state. A state that it has already passed changes nothing.

    Raises InvalidTransition or NotFound.
    """
    shipment = await TABLE.find(tx, shipment_id, lock="wait")
    wanted = ShipmentState(event.value)
    stage = _WAY.index(shipment.state) if shipment.state in _WAY else None
    if stage is None or _WAY.index(wanted) > stage + 1:
        raise InvalidTransition(f"{shipment_id} is {shipment.state} and cannot become {wanted}. Nothing was changed.")
    if _WAY.index(wanted) <= stage:
        return shipment
    await tx.execute(_SET_STATE, wanted, shipment_id)
    return shipment.model_copy(update={"state": wanted})


def tracking_number_of(shipment_id: str) -> str:
    """The tracking number that a shipment gets: always the same for the same id."""
    return f"OS{hashlib.sha256(shipment_id.encode()).hexdigest()[:14].upper()}"
