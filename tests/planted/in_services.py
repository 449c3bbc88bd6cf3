"""Bugs in the services and their fence. Each function plants one; services that start in its block have it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from starlette.responses import Response

from ordersaga.contracts.common import DoRequest
from ordersaga.contracts.inventory import ReservationRequest
from ordersaga.contracts.payment import ChargeAnswer, ChargeRequest
from ordersaga.services import main
from ordersaga.services.inventory import reservations, stock
from ordersaga.services.inventory.service import _Routes as InventoryRoutes
from ordersaga.services.kit import fence
from ordersaga.services.kit.answer import Answer, reply
from ordersaga.services.kit.migrate import Migration
from ordersaga.services.kit.sqlite import SqliteStore
from ordersaga.services.kit.store import Transaction, TransactionFn
from ordersaga.services.payment import payments
from ordersaga.services.payment.service import _Routes as PaymentRoutes

Planted = AbstractContextManager[object]

_do, _undo, _reserve = fence.do, fence.undo, reservations.reserve

# -- the fence


def leave_no_tombstone() -> Planted:
    """Answer an undo that finds nothing, and store nothing."""

    async def undo(
        effect_id: str, owner: str | None, work: TransactionFn[Answer], nothing: Answer, tx: Transaction
    ) -> Answer:
        if await tx.fetch_one(fence._FIND, effect_id, "do") is None:
            return nothing
        return await _undo(effect_id, owner, work, nothing, tx)

    return patch.object(fence, "undo", undo)


def forget_undos() -> Planted:
    """Undo again on every request."""

    async def undo(
        effect_id: str, owner: str | None, work: TransactionFn[Answer], nothing: Answer, tx: Transaction
    ) -> Answer:
        await tx.execute("DELETE FROM fence WHERE id = ? AND op = 'undo'", effect_id)
        return await _undo(effect_id, owner, work, nothing, tx)

    return patch.object(fence, "undo", undo)


def answer_what_was_undone() -> Planted:
    """Give a do its stored answer without checking whether it has been undone since."""

    async def do(effect_id: str, request: DoRequest, work: TransactionFn[Answer], tx: Transaction) -> Answer:
        done = await tx.fetch_one(fence._FIND, effect_id, "do")
        if done and done["answer"]:
            return Answer.restore(done["answer"])
        return await _do(effect_id, request, work, tx)

    return patch.object(fence, "do", do)


def take_any_body() -> Planted:
    """Recognize requests by their id alone."""
    return patch.object(fence, "request_hash", lambda _request, _owner: "any")


def effect_before_the_fence() -> Planted:
    """Commit the charge first, and then its fence row in another transaction."""

    async def charge(self: PaymentRoutes, request: ChargeRequest) -> Response:
        answer = await self._store.write(lambda tx: payments.charge(tx, request))

        async def remember(_tx: Transaction) -> Answer:
            return answer

        return await self._fence.do(request.payment_id, request, remember)

    return patch.object(PaymentRoutes, "charge", charge)


def fence_before_the_effect() -> Planted:
    """Commit first that the request was seen, and then the charge in another transaction."""

    async def charge(self: PaymentRoutes, request: ChargeRequest) -> Response:
        seen = []

        async def see(_tx: Transaction) -> Answer:
            seen.append(request)
            return reply(ChargeAnswer(payment_id=request.payment_id), 201)

        response = await self._fence.do(request.payment_id, request, see)
        if seen:
            await self._store.write(lambda tx: payments.charge(tx, request))
        return response

    return patch.object(PaymentRoutes, "charge", charge)


# -- the business


@contextmanager
def refund_each_time() -> Iterator[None]:
    """Add to the refunded amount each time. The table's own check, which would reject it, is removed."""
    refund = "UPDATE payment SET state = 'refunded', refunded_minor = refunded_minor + amount_minor, refund_reason = ?"
    check = "CHECK (refunded_minor BETWEEN 0 AND amount_minor)"

    def unchecked(path: Path, migrations: list[Migration]) -> SqliteStore:
        return SqliteStore(path, [replace(each, sql=each.sql.replace(check, "")) for each in migrations])

    each_time = patch.object(payments, "_REFUND", f"{refund} WHERE payment_id = ?")
    with forget_undos(), each_time, patch.object(main, "SqliteStore", unchecked):
        yield


def reserve_line_by_line() -> Planted:
    """Take line after line, and refuse at the first shortage, with the lines before it taken."""

    async def reserve(tx: Transaction, request: ReservationRequest) -> Answer:
        wanted = reservations._pieces(request.items)
        if await reservations._shortages(tx, wanted):
            for sku, pieces in wanted.items():
                if not await reservations._shortages(tx, {sku: pieces}):
                    await reservations._hold(tx, {sku: pieces})
        return await _reserve(tx, request)

    return patch.object(reservations, "reserve", reserve)


def look_then_write() -> Planted:
    """Read the stock, and write the new value in another transaction. Two requests read before either writes."""
    looked: set[str] = set()
    both = asyncio.Event()

    async def reserve(self: InventoryRoutes, request: ReservationRequest) -> Response:
        seen = [await stock.TABLE.one(self._store, line.sku) for line in request.items]
        looked.add(request.order_id)
        if len(looked) == 2:
            both.set()
        await both.wait()

        async def write(tx: Transaction) -> Answer:
            for item in seen:
                levels: tuple[Any, ...] = (item.on_hand, item.reserved, item.sku)
                await tx.execute("UPDATE stock SET on_hand = ?, reserved = ? WHERE sku = ?", *levels)
            return await _reserve(tx, request)

        return await self._fence.do(request.reservation_id, request, write)

    return patch.object(InventoryRoutes, "reserve", reserve)
