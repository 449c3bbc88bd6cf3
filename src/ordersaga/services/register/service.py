"""The register's HTTP endpoints."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import FastAPI, Query
from starlette.responses import Response

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
    OrderRecord,
    PlacedCounts,
    PlacedQuery,
    ProgressRequest,
    Standing,
    Totals,
    UnwindRequest,
)
from ordersaga.domain.errors import Fenced, NotFound, NotYours, OrderConflict
from ordersaga.domain.order import OrderId
from ordersaga.http.problem import problems
from ordersaga.services.kit.answer import Answer, reply
from ordersaga.services.kit.app import Service, new_app
from ordersaga.services.kit.store import Store, TransactionFn
from ordersaga.services.register import arbiter, reports, rows, search, totals

_ORDER = "/orders/{order_id}"


def service(store: Store) -> Service:
    """Build the register on this store."""
    app = new_app("register", "Accepted orders, their states, and how each may end.", store)
    _add_writing(app, _Writing(store))
    _add_reading(app, _Reading(store))
    return Service("register", app, store, store.lifespan)


def _add_writing(app: FastAPI, routes: _Writing) -> None:
    ours = NotFound, NotYours

    def add(method: str, path: str, endpoint: Any, refusals: dict[int | str, Any], model: Any = Standing) -> None:
        app.add_api_route(path, endpoint, methods=[method], response_model=model, responses=refusals)

    created: dict[int | str, Any] = {201: {"model": Standing, "description": "Written now"}}
    add("PUT", _ORDER, routes.claim, problems(OrderConflict) | created)
    add("POST", f"{_ORDER}/unwind", routes.unwind, problems(*ours))
    add("POST", f"{_ORDER}/forward", routes.forward, problems(*ours, Fenced))
    add("PUT", f"{_ORDER}/ending", routes.end, problems(*ours, Fenced) | created)
    add("PUT", f"{_ORDER}/progress", routes.progress, problems(*ours))
    add("POST", f"{_ORDER}/decisions", routes.decide, problems(*ours) | created)
    noted: dict[int | str, Any] = {201: {"model": NoteRecord, "description": "Written now"}}
    add("POST", f"{_ORDER}/notes", routes.note, problems(NotFound) | noted, NoteRecord)


def _add_reading(app: FastAPI, routes: _Reading) -> None:
    app.add_api_route(_ORDER, routes.order, response_model=OrderRecord, responses=problems(NotFound))
    app.add_api_route("/orders", routes.orders, response_model=Page[OrderEntry], responses=problems())
    app.add_api_route("/worklist", routes.worklist, response_model=Page[OrderEntry], responses=problems())
    app.add_api_route("/audit", routes.audit, response_model=Page[AuditEntry], responses=problems())
    app.add_api_route("/placed", routes.placed, response_model=PlacedCounts, responses=problems())
    app.add_api_route("/totals", routes.totals, response_model=Totals)


class _Writing:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def _write(self, work: TransactionFn[Answer]) -> Response:
        return (await self._store.write(work)).response()

    async def claim(self, order_id: OrderId, request: ClaimRequest) -> Response:
        """Accept an order for its owner, once."""
        return await self._write(partial(arbiter.claim, order_id=order_id, request=request))

    async def unwind(self, order_id: OrderId, request: UnwindRequest) -> Response:
        """Announce that a run wants to undo the order. The state in the answer says whether it may."""
        return await self._write(partial(arbiter.unwind, order_id=order_id, request=request))

    async def forward(self, order_id: OrderId, request: ForwardRequest) -> Response:
        """Record that the order cannot be undone any more."""
        return await self._write(partial(arbiter.forward, order_id=order_id, request=request))

    async def end(self, order_id: OrderId, request: EndingRequest) -> Response:
        """Write how the order ended. The first ending stays."""
        return await self._write(partial(arbiter.end, order_id=order_id, request=request))

    async def progress(self, order_id: OrderId, request: ProgressRequest) -> Response:
        """Store the progress of a run."""
        return await self._write(partial(reports.progress, order_id=order_id, request=request))

    async def decide(self, order_id: OrderId, request: DecisionRequest) -> Response:
        """Store a person's decision on a step."""
        return await self._write(partial(reports.decide, order_id=order_id, request=request))

    async def note(self, order_id: OrderId, request: NoteRequest) -> Response:
        """Store a person's note on an order."""
        return await self._write(partial(reports.add_note, order_id=order_id, request=request))


class _Reading:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def order(self, order_id: OrderId) -> Response:
        """Everything that the register has about one order."""
        return reply(await self._store.read(partial(rows.record, order_id=order_id))).response()

    async def orders(self, query: Annotated[search.OrdersQuery, Query()]) -> Response:
        """The orders that match all filters, newest first."""
        return reply(await self._store.read(partial(search.orders, query=query))).response()

    async def worklist(self, query: Annotated[search.WorklistQuery, Query()]) -> Response:
        """The orders that need a person, the longest wait first."""
        return reply(await self._store.read(partial(search.worklist, query=query))).response()

    async def audit(self, query: Annotated[search.AuditQuery, Query()]) -> Response:
        """What people did, newest first."""
        return reply(await self._store.read(partial(search.audit, query=query))).response()

    async def placed(self, query: Annotated[PlacedQuery, Query()]) -> Response:
        """Numbers of orders by time of placing and current status."""
        return reply(await self._store.read(partial(totals.placed, query=query))).response()

    async def totals(self) -> Response:
        """Counts and amounts of all orders."""
        return reply(await self._store.read(totals.totals)).response()
