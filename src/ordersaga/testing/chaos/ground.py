"""Where a campaign takes place: a stack of its own, whose worker calls the services through a proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ordersaga.client import OrderClient
from ordersaga.clients import InventoryClient, ServiceHttp, ShippingClient, open_session
from ordersaga.connect import connect
from ordersaga.domain.order import OrderInput
from ordersaga.retail import stock_needed
from ordersaga.stack import Stack, StackOptions
from ordersaga.testing.chaos.plan import SOLD_OUT
from ordersaga.testing.environment import free_port
from ordersaga.testing.faults import FaultProxy

IN_FLIGHT = 120


@dataclass
class Ground:
    """The stack, the proxy, the client of the orders, and the carrier."""

    stack: Stack
    proxy: FaultProxy
    orders: OrderClient
    shipping: ShippingClient
    turns: asyncio.Semaphore
    """Those of the orders that may be in flight at a time: a slow machine does not drown."""
    healed: bool = False
    """Whether nothing goes wrong any more."""

    def heal(self) -> None:
        """No more faults, and no call is held back."""
        self.healed = True
        self.proxy.faults.clear()
        self.proxy.release()

    @classmethod
    @asynccontextmanager
    async def open(cls, data_dir: Path, orders: Iterable[OrderInput]) -> AsyncIterator[Self]:
        """Start everything, with stock for these orders in the warehouse."""
        port = free_port()
        async with (
            FaultProxy(f"http://127.0.0.1:{port}") as proxy,
            Stack(StackOptions(data_dir, 0, 0, port, worker_calls=proxy.url)) as stack,
            open_session() as session,
        ):
            temporal = await connect(target_host=stack.temporal, namespace="default", tls=False, api_key=None)
            inventory = InventoryClient(ServiceHttp(session, "inventory", stack.services["inventory"]))
            await inventory.load_stock(stock_needed(orders) | {SOLD_OUT: 0})
            shipping = ShippingClient(ServiceHttp(session, "shipping", stack.services["shipping"]))
            yield cls(stack, proxy, OrderClient(temporal, stack.settings()), shipping, asyncio.Semaphore(IN_FLIGHT))
