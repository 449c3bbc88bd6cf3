"""Restate: its server, one worker that serves the saga, and a client that calls it through the server's ingress."""

from __future__ import annotations

import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from bench.engine import Engine, EngineConfig, Part, Place
from bench.peers.orders import environment
from bench.peers.restate_server import VERSION, installed, server, until_ok
from ordersaga.domain.order import OrderInput
from ordersaga.orders.service_clients import open_session
from ordersaga.stack.child import Program
from ordersaga.stack.programs import HOST

HANDLER = "OrderSaga/process"


class _Restate:
    name = "restate"
    title = "Restate"
    ports = 4
    promises = (
        "A crash of worker or server loses no order, a lost answer is asked for again, and an undo is repeated until "
        "it succeeds or, after 70 attempts, waits for a person to resume it. Not kept: cancelled a second time while "
        "it is undone, an order stops there, with money or stock taken; one whose parcel has left reads as failed."
    )

    def version(self) -> str:
        """The versions of its components. Installs the server if it is missing."""
        installed()
        return f"restate-server {VERSION}, " + ", ".join(
            f"{name} {version(name)}" for name in ("restate-sdk", "hypercorn")
        )

    def parts(self, config: EngineConfig) -> list[Part]:
        """The server, and one worker that is registered with it."""
        ingress, admin, node, port = config.ports
        program, settings = server(config.folder / "restate", ingress, admin, node)
        worker = [sys.executable, "-m", "bench.peers.restate_worker", str(port)]

        async def registered(_process: Process, ready: Callable[[], None]) -> None:
            here = f"http://{HOST}:{port}"
            await until_ok("GET", f"{here}/health")
            await until_ok("POST", f"http://{HOST}:{admin}/deployments", {"uri": here})
            ready()

        return [
            Part("restate", program, settings),
            Part("worker", Program("worker", worker, grace=8, watch=registered), environment(config.services)),
        ]

    @asynccontextmanager
    async def client(self, config: EngineConfig) -> AsyncIterator[Place]:
        """One session. An order's id is the key that keeps Restate from processing it twice."""
        url = f"http://{HOST}:{config.ports[0]}/{HANDLER}"
        async with open_session() as session:

            async def place(order: OrderInput) -> None:
                headers = {"content-type": "application/json", "idempotency-key": order.order_id}
                async with session.post(url, data=order.model_dump_json(), headers=headers) as response:
                    if not response.ok:
                        raise RuntimeError(f"{order.order_id}: {response.status} {await response.text()}")

            yield place


RESTATE: Engine = _Restate()
