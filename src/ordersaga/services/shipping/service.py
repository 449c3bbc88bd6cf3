"""The shipping service's HTTP endpoints."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from ordersaga.contracts.common import EffectId, Page
from ordersaga.contracts.shipping import (
    CancelShipmentAnswer,
    ShipmentAnswer,
    ShipmentEntry,
    ShipmentEvent,
    ShipmentRequest,
)
from ordersaga.domain.errors import (
    AlreadyShipped,
    Fenced,
    IdempotencyMismatch,
    InProgress,
    InvalidTransition,
    NotFound,
    NotYours,
    UndeliverableAddress,
)
from ordersaga.http.problem import problems
from ordersaga.services.kit.answer import reply
from ordersaga.services.kit.app import Service, new_app
from ordersaga.services.kit.fence import Fence, OwnerQuery
from ordersaga.services.kit.paged_table import OrderQuery
from ordersaga.services.kit.store import Store
from ordersaga.services.shipping import shipments
from ordersaga.services.shipping.addresses import impossible_fields


def service(store: Store) -> Service:
    """Build the shipping service on this store."""
    app = new_app("shipping", "Shipments with a sandbox carrier.", store)
    routes = _Routes(store)
    app.add_api_route(
        "/shipments",
        routes.create,
        methods=["POST"],
        status_code=201,
        response_model=ShipmentAnswer,
        responses=problems(UndeliverableAddress, NotYours, Fenced, IdempotencyMismatch, InProgress),
    )
    app.add_api_route(
        "/shipments/{shipment_id}/cancel",
        routes.cancel,
        methods=["POST"],
        response_model=CancelShipmentAnswer,
        responses=problems(NotYours, AlreadyShipped, InProgress),
    )
    app.add_api_route(
        "/shipments/{shipment_id}/events",
        routes.event,
        methods=["POST"],
        response_model=ShipmentEntry,
        responses=problems(NotFound, InvalidTransition),
    )
    app.add_api_route("/shipments", routes.shipments, response_model=Page[ShipmentEntry], responses=problems())
    app.add_api_route(
        "/shipments/{shipment_id}", routes.shipment, response_model=ShipmentEntry, responses=problems(NotFound)
    )
    return Service("shipping", app, store, store.lifespan)


class _Routes:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._fence = Fence(store)

    async def create(self, request: ShipmentRequest) -> Response:
        """Book a parcel."""
        impossible = impossible_fields(request.address)
        return await self._fence.do(request.shipment_id, request, lambda tx: shipments.create(tx, request, impossible))

    async def cancel(self, shipment_id: EffectId, owner: OwnerQuery = None) -> Response:
        """Cancel a parcel that has not left, or make sure that it is never booked."""
        return await self._fence.undo(
            shipment_id, owner, lambda tx: shipments.cancel(tx, shipment_id), shipments.NOTHING
        )

    async def event(self, shipment_id: EffectId, event: ShipmentEvent) -> Response:
        """The carrier moves the parcel on: `shipped`, then `delivered`."""
        return reply(await self._store.write(lambda tx: shipments.move(tx, shipment_id, event.state))).response()

    async def shipment(self, shipment_id: EffectId) -> Response:
        """One shipment."""
        return reply(await shipments.TABLE.one(self._store, shipment_id)).response()

    async def shipments(self, query: Annotated[OrderQuery, Query()]) -> Response:
        """The shipments, in pages."""
        return reply(await shipments.TABLE.page(self._store, query, {"order_id = ?": query.order_id})).response()
