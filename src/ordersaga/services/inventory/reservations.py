"""Reserve, release and consume stock. Each function runs in one transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from ordersaga.contracts.inventory import (
    LineEntry,
    ReservationAnswer,
    ReservationEntry,
    ReservationLine,
    ReservationRequest,
    ReservationState,
    Shortage,
    count_pieces,
)
from ordersaga.domain.errors import AlreadyShipped, InsufficientInventory, InvalidTransition
from ordersaga.services.kit.answer import Answer, no_content, refusal, reply
from ordersaga.services.kit.paged_table import PagedTable
from ordersaga.services.kit.store import RetryTransaction, Row, Transaction, now

_INSERT = "INSERT INTO reservation (reservation_id, order_id, state, items, created_at) VALUES (?, ?, ?, ?, ?)"
_INSERT_SKU = "INSERT INTO reservation_sku (sku, reservation_id) VALUES (?, ?)"
_SET_STATE = "UPDATE reservation SET state = ? WHERE reservation_id = ?"
_AVAILABLE = "SELECT sku, on_hand FROM stock WHERE sku = ?"
_HOLD = "UPDATE stock SET on_hand = on_hand - ?, reserved = reserved + ? WHERE sku = ? AND on_hand >= ?"
_GIVE_BACK = "UPDATE stock SET on_hand = on_hand + ?, reserved = reserved - ? WHERE sku = ?"
_SHIP = "UPDATE stock SET shipped = shipped + ?, reserved = reserved - ? WHERE sku = ?"


def _entry(row: Row) -> ReservationEntry:
    return ReservationEntry(
        reservation_id=row["reservation_id"],
        order_id=row["order_id"],
        state=row["state"],
        items=json.loads(row["items"]),
        created_at=row["created_at"],
    )


TABLE = PagedTable(
    "SELECT seq, reservation_id, order_id, state, items, created_at FROM reservation", "reservation_id", _entry
)
HAS_SKU = "reservation_id IN (SELECT reservation_id FROM reservation_sku WHERE sku = ?)"


async def reserve(tx: Transaction, request: ReservationRequest) -> Answer:
    """Take all lines from the stock on hand, or none. A refused reservation is stored too.

    Many orders for one SKU wait for its row, which is locked until the commit. So read the stock without a lock first,
    and take it at the end if there is still enough. A refusal needs no lock.
    """
    wanted = _pieces(request.items)
    shortages = await _shortages(tx, wanted)
    state = ReservationState.REFUSED if shortages else ReservationState.HELD
    items = json.dumps([line.model_dump() for line in request.items])
    await tx.execute(_INSERT, request.reservation_id, request.order_id, state, items, now())
    await tx.execute_many(_INSERT_SKU, [(sku, request.reservation_id) for sku in wanted])
    if shortages:
        short = "; ".join(f"{each.sku}: {each.wanted} wanted, {each.available} available" for each in shortages[:20])
        error = InsufficientInventory(f"There is not enough stock ({short}). Nothing was reserved.")
        return refusal(error, shortages=[each.model_dump() for each in shortages])
    answer = reply(ReservationAnswer(reservation_id=request.reservation_id), 201)
    return replace(answer, last=partial(_hold, pieces=wanted))


async def release(tx: Transaction, reservation_id: str) -> Answer:
    """Return the pieces of a held reservation to the stock. Raises AlreadyShipped."""
    reservation = await TABLE.find(tx, reservation_id, lock="wait")
    if reservation.state is ReservationState.CONSUMED:
        raise AlreadyShipped(f"The goods of {reservation_id} have left the warehouse. Nothing was released.")
    await tx.execute(_SET_STATE, ReservationState.RELEASED, reservation_id)
    await _move(tx, _GIVE_BACK, _pieces(reservation.items))
    return no_content()


async def consume(tx: Transaction, reservation_id: str) -> ReservationEntry:
    """Let the goods of a held reservation leave. Repeating it changes nothing. Raises InvalidTransition or NotFound."""
    reservation = await TABLE.find(tx, reservation_id, lock="wait")
    if reservation.state is ReservationState.CONSUMED:
        return reservation
    if reservation.state is not ReservationState.HELD:
        raise InvalidTransition(
            f"{reservation_id} is {reservation.state}; only the goods of a held reservation can leave. Nothing changed."
        )
    await tx.execute(_SET_STATE, ReservationState.CONSUMED, reservation_id)
    await _move(tx, _SHIP, _pieces(reservation.items))
    return reservation.model_copy(update={"state": ReservationState.CONSUMED})


async def _shortages(tx: Transaction, wanted: Mapping[str, int]) -> list[Shortage]:
    rows = await tx.fetch_many(_AVAILABLE, [(sku,) for sku in wanted])
    available = {row["sku"]: row["on_hand"] for row in rows}
    return [
        Shortage(sku=sku, wanted=pieces, available=available.get(sku, 0))
        for sku, pieces in wanted.items()
        if available.get(sku, 0) < pieces
    ]


def _pieces(lines: Iterable[ReservationLine | LineEntry]) -> Counter[str]:
    """The number of pieces of each SKU, ordered by SKU, so that two transactions cannot deadlock."""
    return count_pieces(sorted(lines, key=lambda line: line.sku))


async def _hold(tx: Transaction, pieces: Mapping[str, int]) -> None:
    if await tx.execute_many(_HOLD, [(count, count, sku, count) for sku, count in pieces.items()]) < len(pieces):
        raise RetryTransaction


async def _move(tx: Transaction, sql: str, pieces: Mapping[str, int]) -> None:
    await tx.execute_many(sql, [(count, count, sku) for sku, count in pieces.items()])
