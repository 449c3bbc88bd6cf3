"""What an order does with inventory."""

from __future__ import annotations

from temporalio import activity

from ordersaga.activities.calling import attempt, time_for_call, told_to_temporal
from ordersaga.activities.settled import settled_before
from ordersaga.clients import InventoryClient, RegisterClient
from ordersaga.contracts.inventory import ReservationAnswer, ReservationRequest
from ordersaga.saga import UndoOutcome, UndoRequest, UndoResult


class Reserved(ReservationAnswer):
    """The stock is reserved."""

    attempts: int = 1


class InventoryActivities:
    """Reserve stock, and release it."""

    def __init__(self, client: InventoryClient, register: RegisterClient | None = None) -> None:
        self._client = client
        self._register = register

    @activity.defn
    async def reserve_inventory(self, request: ReservationRequest) -> Reserved:
        """Reserve all of an order's lines, or none."""
        with told_to_temporal():
            answer = await self._client.reserve(request, time_for_call())
        return Reserved(reservation_id=answer.reservation_id, attempts=attempt())

    @activity.defn
    async def release_inventory(self, undo: UndoRequest) -> UndoResult:
        """Undo a reservation, whether or not there is one."""
        settled = await settled_before(self._register, undo, "reserve_inventory")
        if settled is not None:
            return settled
        with told_to_temporal():
            await self._client.release(undo.id, undo.owner, time_for_call())
        return UndoResult(UndoOutcome.UNDONE, attempt(), "released")
