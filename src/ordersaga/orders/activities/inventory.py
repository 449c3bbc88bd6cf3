"""The order's activities on inventory."""

from __future__ import annotations

from temporalio import activity

from ordersaga.contracts.inventory import ReservationAnswer, ReservationRequest
from ordersaga.orders.activities.calling import attempt, map_service_errors, time_for_call
from ordersaga.orders.activities.earlier_decisions import earlier_decision
from ordersaga.orders.service_clients import InventoryClient, RegisterClient
from ordersaga.saga import UndoOutcome, UndoRequest, UndoResult


class Reserved(ReservationAnswer):
    """The result of a reservation: the stock is reserved."""

    attempts: int = 1


class InventoryActivities:
    """Reserve and release stock."""

    def __init__(self, client: InventoryClient, register: RegisterClient | None = None) -> None:
        self._client = client
        self._register = register

    @activity.defn
    async def reserve_inventory(self, request: ReservationRequest) -> Reserved:
        """Reserve all of an order's lines, or none."""
        with map_service_errors():
            answer = await self._client.reserve(request, time_for_call())
        return Reserved(reservation_id=answer.reservation_id, attempts=attempt())

    @activity.defn
    async def release_inventory(self, undo: UndoRequest) -> UndoResult:
        """Undo a reservation, whether or not it exists."""
        decided = await earlier_decision(self._register, undo, "reserve_inventory")
        if decided is not None:
            return decided
        with map_service_errors():
            await self._client.release(undo.id, undo.owner, time_for_call())
        return UndoResult(UndoOutcome.UNDONE, attempt(), "released")
