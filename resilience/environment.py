"""An environment for orders: its own stack, whose worker calls the services through a fault proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.service_clients import Services
from ordersaga.stack import Stack, StackOptions
from ordersaga.stack.dev_server import free_port
from ordersaga.stack.faults import FaultProxy
from resilience import logic_flags


@dataclass
class Environment:
    """The stack, the fault proxy in front of its services, and clients for both. `services` bypasses the proxy."""

    stack: Stack
    proxy: FaultProxy
    orders: OrderClient
    services: Services

    @classmethod
    @asynccontextmanager
    async def open(
        cls, data_dir: Path, database_url: str | None = None, *, single_batch: bool = False
    ) -> AsyncIterator[Self]:
        """Open an environment on free ports. Its services use SQLite files, unless `database_url` is given.

        With `single_batch`, the worker has the SDK's workflow logic flag 2 on. The environment ends with the block.
        """
        port = free_port()
        module = logic_flags.__name__ if single_batch else "ordersaga"
        async with (
            FaultProxy(f"http://127.0.0.1:{port}") as proxy,
            Stack(StackOptions(data_dir, 0, 0, port, database_url, proxy.url, module)) as stack,
            Services.open(stack.services) as services,
        ):
            temporal = await connect(target_host=stack.temporal, namespace="default", tls=False, api_key=None)
            async with OrderClient(temporal, stack.settings()) as orders:
                yield cls(stack, proxy, orders, services)
