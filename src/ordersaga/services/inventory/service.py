"""The inventory service's HTTP endpoints."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import Body, Query
from pydantic import Field
from starlette.responses import Response

from ordersaga.contracts.common import EffectId, Page
from ordersaga.contracts.inventory import (
    ReservationAnswer,
    ReservationEntry,
    ReservationEvent,
    ReservationRequest,
    ReservationState,
    StockItem,
    StockLevel,
    StockRequest,
)
from ordersaga.domain.errors import (
    AlreadyShipped,
    Fenced,
    IdempotencyMismatch,
    InProgress,
    InsufficientInventory,
    InvalidRequest,
    InvalidTransition,
    NotFound,
    NotYours,
    StockInUse,
)
from ordersaga.domain.order import Sku
from ordersaga.http.problem import problems
from ordersaga.services.inventory import reservations, stock
from ordersaga.services.kit.answer import no_content, reply
from ordersaga.services.kit.app import Service, new_app
from ordersaga.services.kit.fence import Fence, OwnerQuery
from ordersaga.services.kit.paged_table import OrderQuery, PageQuery
from ordersaga.services.kit.store import Store, Transaction

StockLevels = Annotated[dict[Sku, StockLevel], Field(min_length=1), Body()]


class StockQuery(PageQuery):
    """A page of all stock, or one SKU."""

    sku: Sku | None = None


class ReservationQuery(OrderQuery):
    """A page of all reservations, or of those of one order or with one SKU."""

    sku: Sku | None = None


def service(store: Store) -> Service:
    """Build the inventory service on this store."""
    app = new_app("inventory", "Stock and its reservations.", store)
    routes = _Routes(store)
    add: Any = app.add_api_route
    done = problems(InsufficientInventory, NotYours, Fenced, IdempotencyMismatch, InProgress)
    entry, stocked = {"response_model": ReservationEntry}, {"response_model": StockItem}
    add(
        "/reservations",
        routes.reserve,
        methods=["POST"],
        status_code=201,
        response_model=ReservationAnswer,
        responses=done,
    )
    add("/reservations", routes.reservations, response_model=Page[ReservationEntry], responses=problems())
    one = "/reservations/{reservation_id}"
    add(one, routes.reservation, responses=problems(NotFound), **entry)
    undone = problems(NotYours, AlreadyShipped, InProgress)
    add(one, routes.release, methods=["DELETE"], status_code=204, responses=undone)
    add(f"{one}/events", routes.event, methods=["POST"], responses=problems(NotFound, InvalidTransition), **entry)
    add("/stock", routes.stock, response_model=Page[StockItem], responses=problems())
    add("/stock", routes.load_many, methods=["PUT"], response_model=dict[str, int], responses=problems(StockInUse))
    add("/stock/{sku:path}", routes.stock_item, responses=problems(NotFound), **stocked)
    add("/stock/{sku:path}", routes.load, methods=["PUT"], responses=problems(StockInUse), **stocked)
    return Service("inventory", app, store, store.lifespan)


class _Routes:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._fence = Fence(store)

    async def reserve(self, request: ReservationRequest) -> Response:
        """Reserve all lines, or none."""
        return await self._fence.do(request.reservation_id, request, lambda tx: reservations.reserve(tx, request))

    async def release(self, reservation_id: EffectId, owner: OwnerQuery = None) -> Response:
        """Release a reservation, or make sure that it is never made."""
        work = partial(reservations.release, reservation_id=reservation_id)
        return await self._fence.undo(reservation_id, owner, work, no_content())

    async def event(self, reservation_id: EffectId, event: ReservationEvent) -> Response:
        """The warehouse reports that the goods have left: `consumed`."""
        if event.state is not ReservationState.CONSUMED:
            raise InvalidRequest("state: the warehouse can only report `consumed`. The request had no effect.")
        return reply(await self._store.write(lambda tx: reservations.consume(tx, reservation_id))).response()

    async def reservation(self, reservation_id: EffectId) -> Response:
        """One reservation."""
        return reply(await reservations.TABLE.one(self._store, reservation_id)).response()

    async def reservations(self, query: Annotated[ReservationQuery, Query()]) -> Response:
        """The reservations, in pages."""
        wanted = {"order_id = ?": query.order_id, reservations.HAS_SKU: query.sku}
        return reply(await reservations.TABLE.page(self._store, query, wanted)).response()

    async def stock(self, query: Annotated[StockQuery, Query()]) -> Response:
        """The stock, in pages."""
        return reply(await stock.TABLE.page(self._store, query, {"sku = ?": query.sku})).response()

    async def stock_item(self, sku: Sku) -> Response:
        """The stock of one SKU."""
        return reply(await stock.TABLE.one(self._store, sku)).response()

    async def load(self, sku: Sku, request: StockRequest) -> Response:
        """Set the total number of pieces of one SKU that have ever been loaded."""

        async def work(tx: Transaction) -> StockItem:
            await stock.load(tx, {sku: request.loaded})
            return await stock.TABLE.find(tx, sku)

        return reply(await self._store.write(work)).response()

    async def load_many(self, levels: StockLevels) -> dict[str, int]:
        """Set the total numbers of pieces ever loaded: for all these SKUs, or for none if one is in use."""
        await self._store.write(lambda tx: stock.load(tx, levels))
        return {"skus": len(levels)}
