"""Where cells run: a stack of their own, whose worker calls the services through a proxy that makes faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from ordersaga.client import OrderClient
from ordersaga.clients import InventoryClient, ServiceHttp, ShippingClient, open_session
from ordersaga.connect import connect
from ordersaga.domain.errors import ServiceFault, Unavailable
from ordersaga.stack import Stack, StackOptions
from ordersaga.testing.environment import free_port
from ordersaga.testing.faults import FaultProxy

T = TypeVar("T")

LOOK_AGAIN = 0.03
STOCK = 10


@dataclass
class Ground:
    """The stack, the proxy before its services, and the clients of both."""

    stack: Stack
    proxy: FaultProxy
    orders: OrderClient
    inventory: InventoryClient
    shipping: ShippingClient

    @classmethod
    @asynccontextmanager
    async def open(cls, data_dir: Path) -> AsyncIterator[Self]:
        """A ground of its own, on free ports. It is gone when the block is left."""
        port = free_port()
        async with (
            FaultProxy(f"http://127.0.0.1:{port}") as proxy,
            Stack(StackOptions(data_dir, 0, 0, port, worker_calls=proxy.url)) as stack,
            open_session() as session,
        ):
            temporal = await connect(target_host=stack.temporal, namespace="default", tls=False, api_key=None)
            http = {name: ServiceHttp(session, name, url) for name, url in stack.services.items()}
            yield cls(
                stack,
                proxy,
                OrderClient(temporal, stack.settings()),
                InventoryClient(http["inventory"]),
                ShippingClient(http["shipping"]),
            )

    async def load(self, skus: Iterable[str]) -> None:
        """Put enough of each SKU into the warehouse."""
        await self.inventory.load_stock(dict.fromkeys(skus, STOCK))


async def until(look: Callable[[], T]) -> T:
    """The first true answer of `look`. Whoever calls this has a deadline."""
    while True:
        if found := look():
            return found
        await asyncio.sleep(LOOK_AGAIN)


async def insist(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is an answer: something may be down meanwhile. Asking again does nothing twice."""
    while True:
        try:
            return await ask()
        except (Unavailable, ServiceFault):
            await asyncio.sleep(10 * LOOK_AGAIN)
