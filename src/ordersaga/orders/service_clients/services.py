"""The clients of all services, on one session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from ordersaga.orders.service_clients.http import ServiceHttp, open_session
from ordersaga.orders.service_clients.inventory import InventoryClient
from ordersaga.orders.service_clients.notification import NotificationClient
from ordersaga.orders.service_clients.payment import PaymentClient
from ordersaga.orders.service_clients.register import RegisterClient
from ordersaga.orders.service_clients.shipping import ShippingClient


@dataclass(frozen=True, slots=True)
class Services:
    """The clients of the services that handle an order, and of the register."""

    inventory: InventoryClient
    payment: PaymentClient
    shipping: ShippingClient
    notification: NotificationClient
    register: RegisterClient

    @classmethod
    @asynccontextmanager
    async def open(cls, urls: Mapping[str, str]) -> AsyncIterator[Self]:
        """Open the clients for the services at these URLs, by name, on one session that closes with the block."""
        async with open_session() as session:
            http = {name: ServiceHttp(session, name, url) for name, url in urls.items()}
            yield cls(
                InventoryClient(http["inventory"]),
                PaymentClient(http["payment"]),
                ShippingClient(http["shipping"]),
                NotificationClient(http["notification"]),
                RegisterClient(http["register"]),
            )
