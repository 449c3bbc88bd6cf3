"""A service's answer goes into an order's history, which has limits. A long text is cut off or is a fault."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ordersaga.contracts.inventory import ReservationLine, ReservationRequest
from ordersaga.contracts.shipping import ShipmentAddress, ShipmentRequest
from ordersaga.domain.errors import InsufficientInventory, ServiceFault
from ordersaga.orders.service_clients import Services
from ordersaga.settings import SERVICES

LONG = "x" * 400_000
LINE = ReservationLine(sku="MUG", qty=1)
RESERVATION = ReservationRequest(reservation_id="rsv-1", order_id="1", items=[LINE])
SHIPMENT = ShipmentRequest(
    shipment_id="shp-1", order_id="1", address=ShipmentAddress(street="1 Main St", city="X", country="US"), items=[LINE]
)


@pytest.fixture
async def services() -> AsyncIterator[Services]:
    """Services with long answers."""

    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"type": "InsufficientInventory", "title": LONG, "detail": LONG}, status=409)

    async def ship(_: web.Request) -> web.Response:
        return web.json_response({"shipment_id": "shp-1", "tracking_number": LONG}, status=201)

    app = web.Application()
    app.add_routes([web.post("/reservations", refuse), web.post("/shipments", ship)])
    async with TestServer(app) as server, Services.open(dict.fromkeys(SERVICES, str(server.make_url("/")))) as clients:
        yield clients


async def test_a_refusal_is_cut(services: Services) -> None:
    with pytest.raises(InsufficientInventory) as refused:
        await services.inventory.reserve(RESERVATION, timeout=10)
    assert 100 < len(str(refused.value)) < 10_000


async def test_a_tracking_number_that_is_none_is_a_fault(services: Services) -> None:
    with pytest.raises(ServiceFault, match=r"breaks its contract: tracking_number") as fault:
        await services.shipping.create(SHIPMENT, timeout=10)
    assert len(str(fault.value)) < 1_000
