"""The inventory service's contract: stock, and reservations of it."""

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
    """Where a reservation stands. `consumed`: the goods have left the warehouse."""

    HELD = "held"
    RELEASED = "released"
    CONSUMED = "consumed"
    REFUSED = "refused"


class ReservationLine(Request):
    """So many pieces of one SKU."""

    sku: Sku
    qty: Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]


class Line(Protocol):
    """A line of a reservation or a shipment."""

    @property
    def sku(self) -> str: ...

    @property
    def qty(self) -> int: ...


def count_pieces(lines: Iterable[Line]) -> Counter[str]:
    """How many pieces of each SKU these lines have together."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts[line.sku] += line.qty
    return counts


class ReservationRequest(DoRequest):
    """POST /reservations: all lines or none."""

    substance: ClassVar[frozenset[str]] = frozenset({"items"})

    reservation_id: EffectId
    order_id: OrderId
    items: Annotated[list[ReservationLine], Field(min_length=1, max_length=MAX_LINES)]


class ReservationAnswer(Reply):
    """201 to POST /reservations."""

    reservation_id: str


class StockRequest(Request):
    """PUT /stock/{sku}: how many pieces have been loaded in all, since ever. Saying it twice adds nothing."""

    loaded: StockLevel


class ReservationEvent(Request):
    """POST /reservations/{id}/events: the warehouse says that the goods have left."""

    state: Annotated[ReservationState, Field(examples=[ReservationState.CONSUMED])]


class Shortage(Reply):
    """A SKU of which there is too little; 409 InsufficientInventory lists them under `shortages`."""

    sku: str
    wanted: int
    available: int


class StockItem(Reply):
    """One SKU in the books: on_hand + reserved + shipped = loaded."""

    sku: str
    loaded: int
    on_hand: int
    reserved: int
    shipped: int


class LineEntry(Reply):
    """A line in the books, by whatever rules it was accepted."""

    sku: str
    qty: int


class ReservationEntry(Entry):
    """One reservation in the books."""

    reservation_id: str
    state: ReservationState
    items: list[LineEntry]
