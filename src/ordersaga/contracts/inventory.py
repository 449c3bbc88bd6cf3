"""The inventory service's contract: stock and its reservations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, ClassVar, Protocol

from pydantic import Field

from ordersaga.contracts.common import DoRequest, EffectId, Entry, Reply, Request
from ordersaga.domain.order import MAX_LINES, MAX_QUANTITY, OrderId, Sku

MAX_STOCK = 10**9
StockLevel = Annotated[int, Field(strict=True, ge=0, le=MAX_STOCK)]


class ReservationState(StrEnum):
    """The state of a reservation. `consumed`: the goods have left the warehouse."""

    HELD = "held"
    RELEASED = "released"
    CONSUMED = "consumed"
    REFUSED = "refused"


class ReservationLine(Request):
    """A number of pieces of one SKU."""

    sku: Sku
    qty: Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]


class Line(Protocol):
    """A line of a reservation or a shipment."""

    @property
    def sku(self) -> str: ...

    @property
    def qty(self) -> int: ...


def count_pieces(lines: Iterable[Line]) -> Counter[str]:
    """The number of pieces of each SKU in these lines."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts[line.sku] += line.qty
    return counts


class ReservationRequest(DoRequest):
    """POST /reservations: all lines, or none."""

    substance: ClassVar[frozenset[str]] = frozenset({"items"})

    reservation_id: EffectId
    order_id: OrderId
    items: Annotated[list[ReservationLine], Field(min_length=1, max_length=MAX_LINES)]


class ReservationAnswer(Reply):
    """201 to POST /reservations."""

    reservation_id: str


class StockRequest(Request):
    """PUT /stock/{sku}: the total number of pieces that have ever been loaded. Repeating it adds nothing."""

    loaded: StockLevel


class ReservationEvent(Request):
    """POST /reservations/{id}/events: the warehouse reports that the goods have left."""

    state: Annotated[ReservationState, Field(examples=[ReservationState.CONSUMED])]


class Shortage(Reply):
    """A SKU with too little stock. 409 InsufficientInventory lists them under `shortages`."""

    sku: str
    wanted: int
    available: int


class StockItem(Reply):
    """The stock of one SKU: on_hand + reserved + shipped = loaded."""

    sku: str
    loaded: int
    on_hand: int
    reserved: int
    shipped: int


class LineEntry(Reply):
    """A line of a stored reservation, under whatever rules it was accepted."""

    sku: str
    qty: int


class ReservationEntry(Entry):
    """One reservation."""

    reservation_id: str
    state: ReservationState
    items: list[LineEntry]
