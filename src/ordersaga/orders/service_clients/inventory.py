"""The inventory service's client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from pydantic import RootModel

from ordersaga.contracts.common import Reply
from ordersaga.contracts.inventory import ReservationAnswer, ReservationEntry, ReservationRequest, StockItem
from ordersaga.domain.errors import InsufficientInventory, ServiceFault
from ordersaga.orders.service_clients.http import ServiceHttp

STOCK_CHUNK = 1_000
STOCK_TIMEOUT = 30.0


class InventoryClient:
    """Stock and reservations. Timeouts are in seconds."""

    def __init__(self, http: ServiceHttp) -> None:
        self._http = http

    async def reserve(self, request: ReservationRequest, timeout: float) -> ReservationAnswer:
        """Reserve all lines or none.

        Raises InsufficientInventory, NotYours, Fenced, IdempotencyMismatch, ServiceFault.
        """
        answer = await self._http.call(
            "POST",
            "/reservations",
            request,
            {201: ReservationAnswer},
            timeout=timeout,
            refusals=(InsufficientInventory,),
        )
        if answer.reservation_id != request.reservation_id:
            raise ServiceFault(f"inventory answered for {answer.reservation_id}, not {request.reservation_id}")
        return answer

    async def release(self, reservation_id: str, owner: str, timeout: float) -> None:
        """Release a reservation if it exists, and reject one that arrives later. Raises NotYours, ServiceFault."""
        await self._http.call(
            "DELETE", f"/reservations/{reservation_id}", None, {204: Reply}, timeout=timeout, owner=owner
        )

    async def load_stock(self, loaded: Mapping[str, int]) -> None:
        """Set how much of each SKU has been loaded in total. Repeating it changes nothing. Raises ServiceFault."""
        skus = list(loaded.items())
        for start in range(0, len(skus), STOCK_CHUNK):
            chunk = RootModel[dict[str, int]](dict(skus[start : start + STOCK_CHUNK]))
            await self._http.call("PUT", "/stock", chunk, {200: RootModel[object]}, timeout=STOCK_TIMEOUT)

    def stock(self) -> AsyncIterator[StockItem]:
        """The stock of every SKU. Raises ServiceUnavailable."""
        return self._http.rows("/stock", StockItem)

    def reservations(self, **filters: str) -> AsyncIterator[ReservationEntry]:
        """All reservations, or those of one order_id or sku. Raises ServiceUnavailable."""
        return self._http.rows("/reservations", ReservationEntry, **filters)
