"""The shipping service's contract: shipments with a carrier."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from ordersaga.contracts.common import DoRequest, EffectId, Entry, Reply, Request
from ordersaga.contracts.inventory import LineEntry, ReservationLine
from ordersaga.domain.order import MAX_LINES, Country, Line, OptionalLine, OrderId
from ordersaga.domain.text import Printable


class ShipmentState(StrEnum):
    """The state of a shipment."""

    CREATED = "created"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUSED = "refused"


class ShipmentAddress(Request):
    """The destination of a parcel. The wire calls the postal code `zip`."""

    street: Line
    city: Line
    state: OptionalLine = ""
    zip: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20), Printable] = ""
    country: Country


class ShipmentRequest(DoRequest):
    """POST /shipments."""

    substance: ClassVar[frozenset[str]] = frozenset({"address", "items"})

    shipment_id: EffectId
    order_id: OrderId
    address: ShipmentAddress
    items: Annotated[list[ReservationLine], Field(min_length=1, max_length=MAX_LINES)]


class ShipmentAnswer(Reply):
    """201 to POST /shipments."""

    shipment_id: str
    tracking_number: Annotated[str, StringConstraints(max_length=200)]


class CancelStatus(StrEnum):
    """The result of a shipment's cancellation. The third possible answer is 409 AlreadyShipped."""

    CANCELLED = "cancelled"
    NOTHING_TO_CANCEL = "nothing_to_cancel"


class CancelShipmentAnswer(Reply):
    """200 to POST /shipments/{id}/cancel."""

    status: CancelStatus


class ShipmentEventState(StrEnum):
    """What the sandbox carrier can do with a parcel."""

    SHIPPED = "shipped"
    DELIVERED = "delivered"


class ShipmentEvent(Request):
    """POST /shipments/{id}/events: the sandbox carrier moves the parcel on."""

    state: ShipmentEventState


class ShipmentEntry(Entry):
    """One shipment."""

    shipment_id: str
    state: ShipmentState
    tracking_number: str | None = None
    items: list[LineEntry] = []
