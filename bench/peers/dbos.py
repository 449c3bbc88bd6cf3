"""DBOS, on SQLite and on PostgreSQL: an application that runs orders as workflows, and a client that posts them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version as version_of

import aiohttp

from bench.engine import Engine, EngineConfig, Part, Place
from bench.peers import postgres
from bench.peers.orders import environment
from ordersaga.domain.order import OrderInput
from ordersaga.stack.child import Program

GRACE_SECONDS = 15
RETRY_PAUSE = 0.2


class _Dbos:
    name: str
    title: str
    ports = 1
    promises = (
        "An order whose process is killed continues from its last recorded step when the process runs again; a step "
        "may run twice. Cancelling undoes nothing. An undo that keeps failing is given up after its attempts, and one "
        "that is too late ends the undoing: the workflow is marked ERROR, and nobody is told about the rest."
    )

    def version(self) -> str:
        return f"DBOS {version_of('dbos')}"

    def parts(self, config: EngineConfig) -> list[Part]:
        command = [sys.executable, "-m", "bench.peers.dbos_worker", str(config.ports[0])]
        where = environment(config.services) | {"DBOS_SYSTEM_DATABASE_URL": self.database(config)}
        return [Part("worker", Program("worker", command, GRACE_SECONDS), where)]

    def database(self, config: EngineConfig) -> str:
        """The database in which DBOS keeps its workflows."""
        raise NotImplementedError

    @asynccontextmanager
    async def client(self, config: EngineConfig) -> AsyncIterator[Place]:
        url = f"http://127.0.0.1:{config.ports[0]}/orders"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:

            async def place(order: OrderInput) -> None:
                while True:
                    try:
                        async with session.post(f"{url}/{order.order_id}", data=order.model_dump_json()) as answer:
                            if answer.status != 200:
                                raise RuntimeError(await answer.text())
                            return
                    except aiohttp.ClientConnectionError:  # the order has an id, so retrying is safe
                        await asyncio.sleep(RETRY_PAUSE)

            yield place


class _DbosOnSqlite(_Dbos):
    name = "dbos-sqlite"
    title = "DBOS on SQLite"

    def database(self, config: EngineConfig) -> str:
        return f"sqlite:///{config.folder / 'dbos.sqlite'}"


class _DbosOnPostgres(_Dbos):
    name = "dbos-postgres"
    title = "DBOS on PostgreSQL"
    ports = 2

    def version(self) -> str:
        return f"{super().version()}, {postgres.version()}"

    def parts(self, config: EngineConfig) -> list[Part]:
        return [postgres.postgres(config.folder, config.ports[1]), *super().parts(config)]

    def database(self, config: EngineConfig) -> str:
        return postgres.url(config.ports[1], "dbos")


ON_SQLITE: Engine = _DbosOnSqlite()
ON_POSTGRES: Engine = _DbosOnPostgres()
