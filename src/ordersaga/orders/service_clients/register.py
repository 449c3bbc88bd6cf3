"""The register's client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel

from ordersaga.contracts.common import Page
from ordersaga.contracts.register import (
    AuditEntry,
    ClaimRequest,
    DecisionRequest,
    EndingRequest,
    ForwardRequest,
    NoteRecord,
    NoteRequest,
    OrderEntry,
    OrderFilters,
    OrderRecord,
    PlacedCount,
    PlacedCounts,
    PlacedQuery,
    ProgressRequest,
    Standing,
    Totals,
    UnwindRequest,
)
from ordersaga.domain.errors import (
    InvalidRequest,
    NotFound,
    OrderConflict,
    ServiceError,
    ServiceFault,
    ServiceUnavailable,
)
from ordersaga.orders.service_clients.http import BOOKS_TIMEOUT, MAX_PAGE_BYTES, ServiceHttp

T = TypeVar("T", bound=BaseModel)
_DEFAULT_PAGE = 50
_WHOLE_LIST = "1000"
_EVERYTHING = OrderFilters()


class RegisterClient:
    """Accepted orders, their states, and how each may end. Timeouts are in seconds.

    Every write may be repeated. Besides the errors that it names, each method raises ServiceFault.
    """

    def __init__(self, http: ServiceHttp) -> None:
        self._http = http

    async def claim(self, order_id: str, request: ClaimRequest, timeout: float) -> Standing:
        """Claim an order for its owner, once. Raises OrderConflict if the id belongs to another owner."""
        return await self._stand("PUT", order_id, "", request, timeout, OrderConflict)

    async def unwind(self, order_id: str, request: UnwindRequest, timeout: float) -> Standing:
        """Announce that the order will be undone. `state` says whether that is allowed. Raises NotFound, NotYours."""
        return await self._stand("POST", order_id, "/unwind", request, timeout, NotFound)

    async def forward(self, order_id: str, request: ForwardRequest, timeout: float) -> Standing:
        """Announce that the order cannot be undone any more. Raises NotFound, NotYours, and Fenced if it is undone."""
        return await self._stand("POST", order_id, "/forward", request, timeout, NotFound)

    async def close(self, order_id: str, request: EndingRequest, timeout: float) -> Standing:
        """Write how the order ended, if that is not written yet. `ending` is the end that counts.

        Raises NotFound, NotYours, and Fenced if the order may not end like this.
        """
        return await self._stand("PUT", order_id, "/ending", request, timeout, NotFound)

    async def progress(self, order_id: str, request: ProgressRequest, timeout: float) -> Standing:
        """Report the progress of a run. Raises NotFound, NotYours."""
        return await self._stand("PUT", order_id, "/progress", request, timeout, NotFound)

    async def decide(self, order_id: str, request: DecisionRequest, timeout: float) -> Standing:
        """Store a person's decision on a step, once. Raises NotFound, NotYours."""
        return await self._stand("POST", order_id, "/decisions", request, timeout, NotFound)

    async def note(self, order_id: str, request: NoteRequest, timeout: float) -> NoteRecord:
        """Store a person's note on an order, once. Raises NotFound."""
        answers = {200: NoteRecord, 201: NoteRecord}
        path = f"/orders/{order_id}/notes"
        return await self._http.call("POST", path, request, answers, timeout=timeout, refusals=(NotFound,))

    async def order(self, order_id: str) -> OrderRecord:
        """The whole record of one order. Raises NotFound, ServiceUnavailable."""
        return await self._read(f"/orders/{order_id}", OrderRecord, NotFound)

    async def page(
        self, filters: OrderFilters = _EVERYTHING, cursor: str | None = None, limit: int = _DEFAULT_PAGE
    ) -> Page[OrderEntry]:
        """A page of the matching orders, newest first.

        Raises InvalidRequest for an invalid cursor, ServiceUnavailable.
        """
        query = _query(filters) | {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        return await self._read(f"/orders?{urlencode(query)}", Page[OrderEntry], InvalidRequest)

    def orders(self, **filters: Any) -> AsyncIterator[OrderEntry]:
        """All matching orders, newest first. The filters are those of OrderFilters. Raises ServiceUnavailable."""
        query = _query(OrderFilters.model_validate(filters))
        return self._http.rows("/orders", OrderEntry, **query, limit=_WHOLE_LIST)

    def worklist(self, **filters: str) -> AsyncIterator[OrderEntry]:
        """The orders that need a person, all or those of one `kind`, longest wait first. Raises ServiceUnavailable."""
        return self._http.rows("/worklist", OrderEntry, **filters, limit=_WHOLE_LIST)

    def audit(self, **filters: str) -> AsyncIterator[AuditEntry]:
        """What people did, newest first: everything, or by `order_id`, `by` or `kind`. Raises ServiceUnavailable."""
        return self._http.rows("/audit", AuditEntry, **filters, limit=_WHOLE_LIST)

    async def audit_page(
        self, filters: Mapping[str, str], cursor: str | None = None, limit: int = _DEFAULT_PAGE
    ) -> Page[AuditEntry]:
        """A page of what people did, newest first. Raises InvalidRequest for an invalid cursor, ServiceUnavailable."""
        query = {**filters, "limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        return await self._read(f"/audit?{urlencode(query)}", Page[AuditEntry], InvalidRequest)

    async def placed(self, query: PlacedQuery) -> list[PlacedCount]:
        """The numbers of orders by time of placing and current status. Raises InvalidRequest, ServiceUnavailable."""
        given = urlencode(query.model_dump(mode="json"))
        return (await self._read(f"/placed?{given}", PlacedCounts, InvalidRequest)).counts

    async def totals(self) -> Totals:
        """The counts and amounts of all orders. Raises ServiceUnavailable."""
        return await self._read("/totals", Totals)

    async def _stand(
        self, method: str, order_id: str, path: str, request: BaseModel, timeout: float, refusal: type[ServiceError]
    ) -> Standing:
        answer = await self._http.call(
            method,
            f"/orders/{order_id}{path}",
            request,
            {200: Standing, 201: Standing},
            timeout=timeout,
            refusals=(refusal,),
        )
        if answer.order_id != order_id:
            raise ServiceFault(f"register answered for {answer.order_id}, not {order_id}")
        return answer

    async def _read(self, path: str, model: type[T], *refusals: type[ServiceError]) -> T:
        try:
            return await self._http.call(
                "GET", path, None, {200: model}, timeout=BOOKS_TIMEOUT, refusals=refusals, max_bytes=MAX_PAGE_BYTES
            )
        except ServiceFault as fault:
            raise ServiceUnavailable(
                f"The register at {self._http.base_url} cannot be read: {fault}. Nothing was changed. "
                "Is it running? `ordersaga up` or `ordersaga services` starts it."
            ) from None


def _query(filters: OrderFilters) -> dict[str, str]:
    given = filters.model_dump(mode="json", exclude_none=True)
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}
