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
    """The services of an order, and the register that remembers it."""

    inventory: InventoryClient
    payment: PaymentClient
    shipping: ShippingClient
    notification: NotificationClient
    register: RegisterClient

    @classmethod
    @asynccontextmanager
    async def open(cls, urls: Mapping[str, str]) -> AsyncIterator[Self]:
        """The clients of the services at these URLs, by service, on one session that ends with the block."""
        async with open_session() as session:
            http = {name: ServiceHttp(session, name, url) for name, url in urls.items()}
            yield cls(
                InventoryClient(http["inventory"]),
                PaymentClient(http["payment"]),
                ShippingClient(http["shipping"]),
                NotificationClient(http["notification"]),
                RegisterClient(http["register"]),
            )
