"""An environment for orders: the client, the service clients, and ways to wait for what happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from temporalio.client import Client, WorkflowHandle

from ordersaga.contracts.shipping import ShipmentEventState
from ordersaga.domain.order import OrderInput, parse_order
from ordersaga.orders.client import OrderClient
from ordersaga.orders.executions import order_of
from ordersaga.orders.service_clients import Services
from ordersaga.orders.workflows.ids import workflow_id
from ordersaga.settings import Settings

T = TypeVar("T")

IN_EFFECT = ["held", "captured", "created", "queued"]
UNDONE = ["released", "refunded", "cancelled", "recalled"]


@dataclass
class OrderEnvironment:
    """The services and the client of the orders."""

    orders: OrderClient
    services: Services

    @classmethod
    @asynccontextmanager
    async def open(cls, orders: OrderClient, settings: Settings) -> AsyncIterator[Self]:
        """Open an environment on the services in the settings."""
        async with Services.open(settings.service_urls()) as services:
            yield cls(orders, services)

    async def order(self, order_id: str, *, stock: int = 10, **changes: Any) -> OrderInput:
        """An order of two lines for 44.98 USD, with `stock` pieces of each in the warehouse."""
        a, b = f"{order_id}-a", f"{order_id}-b"
        await self.services.inventory.load_stock({a: stock, b: stock})
        address = {"street": "350 5th Ave", "city": "New York", "state": "NY", "zip_code": "10118", "country": "US"}
        items = [{"sku": a, "quantity": 2, "price": 19.99}, {"sku": b, "quantity": 1, "price": "5.00"}]
        document = {
            "order_id": order_id,
            "customer_id": "customer-1",
            "items": items,
            "shipping_address": address,
            "payment_method_id": "pm_card_visa",
        }
        return parse_order(document | changes)

    async def owner(self, order_id: str) -> str:
        """The owner of a placed order's effects."""
        return (await order_of(self.orders.temporal, workflow_id(order_id))).fingerprint

    async def books(self, order_id: str) -> list[str]:
        """The states of the order's reservation, payment, shipment and email, as far as they exist."""
        return [
            *[entry.state async for entry in self.services.inventory.reservations(order_id=order_id)],
            *[entry.state async for entry in self.services.payment.payments(order_id=order_id)],
            *[entry.state async for entry in self.services.shipping.shipments(order_id=order_id)],
            *[entry.state async for entry in self.services.notification.notifications(order_id=order_id)],
        ]

    async def parcel_leaves(self, order_id: str) -> None:
        """The carrier takes the order's parcel."""
        await self.services.shipping.move(f"shp-{order_id}", ShipmentEventState.SHIPPED, timeout=5)


async def place_document(temporal: Client, document: Mapping[str, Any], task_queue: str) -> WorkflowHandle[Any, Any]:
    """Place an order as a client of another version does, which has checked it by its own rules."""
    return await temporal.start_workflow(
        "OrderSagaWorkflow",
        document,
        id=workflow_id(document["order_id"]),
        task_queue=task_queue,
        memo={"customer_id": document["customer_id"], "amount": "44.98", "currency": document["currency"]},
    )


async def until(check: Callable[[], Awaitable[T]], seconds: float = 20) -> T:
    """Wait until `check` returns something true, and return that."""
    async with asyncio.timeout(seconds):
        while not (found := await check()):
            await asyncio.sleep(0.02)
    return found
