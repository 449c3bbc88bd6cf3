"""The environment of an engine: its own services, its programs, and its client, all newly started."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from bench.client import config_to_json
from bench.engine import BringsDatabase, Engine, EngineConfig, Part, ServicesDatabase
from bench.load import Outcome, Phase, stock
from bench.temporal import TemporalServer, with_metrics
from ordersaga.orders.service_clients import Services
from ordersaga.settings import PREFIX, SERVICES
from ordersaga.stack import StackError, programs
from ordersaga.stack.child import Child
from ordersaga.stack.faults import FaultProxy
from ordersaga.stack.locks import free_ports

ROOT = Path(__file__).parents[1]
START_SECONDS = 120.0
STOP_SECONDS = 20.0
LONGEST_LINE = 1 << 26


class Client:
    """The engine's client, in its own process."""

    def __init__(self, process: Process, log_file: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._log_file = log_file

    async def run(self, phase: Phase) -> Outcome:
        """Place a phase's orders. Raises StackError if the client ends."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(asdict(phase)).encode() + b"\n")
        return Outcome(**json.loads(await self.line()))

    async def line(self) -> bytes:
        """The next line that the client prints."""
        assert self._process.stdout
        line = await self._process.stdout.readline()
        if not line:
            raise StackError(f"The client ended. Its log, {self._log_file}, ends with:\n{_tail(self._log_file)}")
        return line


@dataclass
class EngineEnvironment:
    """A running engine."""

    engine: Engine
    config: EngineConfig
    parts: list[Part]
    """Everything that was started, including the services."""
    temporal: TemporalServer | None
    children: list[tuple[str, Child]] = field(default_factory=list)
    """Each program with its role."""
    client: Client | None = None
    proxy: FaultProxy | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, engine: Engine, folder: Path, *, proxied: bool = False) -> AsyncIterator[Self]:
        """Start the services, load stock, start the engine's programs in order, and connect its client.

        `proxied`: with a fault proxy before the services, and without a client, which the caller connects.
        """
        await asyncio.to_thread(folder.mkdir, parents=True)
        services_port, metrics_port, *ports = free_ports({str(number): 0 for number in range(engine.ports + 2)})
        upstream = f"http://{programs.HOST}:{services_port}"
        proxy = FaultProxy(upstream) if proxied else None
        async with proxy or nullcontext():
            urls = {name: f"{proxy.url if proxy else upstream}/{name}" for name in SERVICES}
            async with cls._open(engine, EngineConfig(folder, urls, tuple(ports)), services_port, metrics_port) as env:
                env.proxy = proxy
                if proxied:
                    yield env
                    return
                async with _client(engine, env.config) as env.client:
                    yield env

    @classmethod
    @asynccontextmanager
    async def _open(
        cls, engine: Engine, config: EngineConfig, services_port: int, metrics_port: int
    ) -> AsyncIterator[Self]:
        books = _services_database(engine, config)
        services = Part("services", programs.services(services_port), {f"{PREFIX}DATABASE_URL": books.url})
        parts, server = with_metrics(engine.parts(config), metrics_port)
        env = cls(engine, config, [*books.parts, services, *parts], server)
        async with AsyncExitStack() as started:
            for part in env.parts:
                child = await started.enter_async_context(running(part, config.folder))
                env.children.append((part.role, child))
                if part is services:
                    async with Services.open(config.services) as clients:
                        await clients.inventory.load_stock(stock())
            yield env

    def roots(self) -> dict[str, list[int]]:
        """The process ids of each role's programs."""
        found: dict[str, list[int]] = {}
        for role, child in self.children:
            found.setdefault(role, []).append(child.pid)
        return found | ({"client": [self.client.pid]} if self.client else {})

    def kill(self, role: str) -> None:
        """Kill a role's programs, as a crash would. They restart at once."""
        for own, child in self.children:
            if own == role:
                child.kill()

    def deaths(self) -> list[str]:
        """The programs that have died since they were started."""
        return [child.name for _, child in self.children if child.deaths]


@asynccontextmanager
async def running(part: Part, folder: Path) -> AsyncIterator[Child]:
    """Run a program until the end of the block, with its log in this folder. Raises StackError if it does not start."""
    log_file = folder / f"{part.program.name}.log"
    child = Child(part.program, log_file, environment() | dict(part.environment))
    task = child.start()
    ready = asyncio.ensure_future(child.ready.wait())
    try:
        await asyncio.wait([ready, task], timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        if not ready.done():
            tail = child.log_tail()
            raise StackError(f"{part.program.name} was not ready in {START_SECONDS:g} s. {log_file} ends with:\n{tail}")
        yield child
    finally:
        ready.cancel()
        await child.stop()


def environment() -> dict[str, str]:
    """Our environment without settings, and with the path of this package."""
    kept = {name: value for name, value in programs.inherited().items() if not name.startswith(PREFIX)}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": path}


def _services_database(engine: Engine, config: EngineConfig) -> ServicesDatabase:
    if isinstance(engine, BringsDatabase):
        return engine.services_database(config)
    return ServicesDatabase([], f"sqlite:///{config.folder / 'services'}")


@asynccontextmanager
async def _client(engine: Engine, config: EngineConfig) -> AsyncIterator[Client]:
    log_file = config.folder / "client.log"
    with log_file.open("wb") as messages:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.client", engine.name, config_to_json(config)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=messages,
            env=environment(),
            limit=LONGEST_LINE,
        )
    client = Client(process, log_file)
    try:
        async with asyncio.timeout(START_SECONDS):
            await client.line()
        yield client
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    assert process.stdin
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _tail(log_file: Path, lines: int = 8) -> str:
    return "\n".join(_last(log_file.read_text(encoding="utf-8", errors="replace").splitlines(), lines))


def _last(lines: Iterable[str], count: int) -> list[str]:
    return list(lines)[-count:]
