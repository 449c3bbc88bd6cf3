"""The next version of the program, a Temporal server, and workers of either version."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
from temporalio.client import Client

import ordersaga
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.search_attributes import ensure_search_attributes
from ordersaga.settings import PREFIX, SERVICES, Settings, load_settings
from ordersaga.stack.dev_server import temporal_server
from ordersaga.stack.faults import FaultProxy
from tests.workflow.environment import OrderEnvironment

_numbers = count(1)
NEXT_VERSION = {
    "domain/order.py": [
        ("    email: Email | None = None\n", "    email: Email | None = None\n    gift_note: str | None = None\n"),
        ("    price: Price\n", "    price: Price\n    engraving: str | None = None\n"),
        ("    country: Country\n\n", '    country: Country\n    floor: str = ""\n\n'),
        ("fast_path: Annotated[float, Field(ge=0, le=3)]", "fast_path: Annotated[float, Field(ge=0, le=60)]"),
    ],
    "orders/workflows/steps.py": [('data={"total"', 'data={"gift_note": order.gift_note or "", "total"')],
}
"""What the next version of the program changes: optional fields, a limit, and the text of a request."""


class Workers:
    """Starts and kills worker processes."""

    def __init__(self, environment: dict[str, str], next_version: Path) -> None:
        self._environment, self._next_version = environment, next_version
        self._running: list[asyncio.subprocess.Process] = []

    async def start(self, version: str) -> None:
        """Start a worker of this version: `now` or `next`."""
        source = {"PYTHONPATH": str(self._next_version)} if version == "next" else {}
        command = (sys.executable, "-m", "ordersaga", "worker")
        environment = self._environment | source
        self._running.append(
            await asyncio.create_subprocess_exec(*command, env=environment, stdout=DEVNULL, stderr=DEVNULL)
        )

    async def kill(self) -> None:
        """Kill the running workers in the middle of their work."""
        for process in self._running:
            if process.returncode is None:
                process.kill()
            await process.wait()
        self._running.clear()


@pytest.fixture(scope="session")
def next_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of the next version."""
    folder: Path = tmp_path_factory.mktemp("next")
    shutil.copytree(Path(ordersaga.__file__).parent, folder / "ordersaga")
    for name, changes in NEXT_VERSION.items():
        path = folder / "ordersaga" / name
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    """A server that calls a run wedged at its first failure."""
    problems = "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=1"
    async with temporal_server("--dynamic-config-value", problems) as address:
        client = await connect(target_host=address)
        await ensure_search_attributes(client)
        yield client


@pytest.fixture(scope="session")
async def proxy(services_url: str) -> AsyncIterator[FaultProxy]:
    """The proxy between the workers and the services."""
    async with FaultProxy(services_url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def settings(services_url: str) -> Settings:
    """Settings that bypass the proxy."""
    return load_settings(**{f"{name}_url": f"{services_url}/{name}" for name in SERVICES})


@pytest.fixture(scope="session")
async def env(temporal: Client, settings: Settings) -> AsyncIterator[OrderEnvironment]:
    """The environment, without a worker."""
    async with OrderEnvironment.open(OrderClient(temporal, settings), settings) as env:
        yield env


@pytest.fixture
async def workers(temporal: Client, proxy: FaultProxy, next_version: Path) -> AsyncIterator[Workers]:
    """Worker processes, which end with the test."""
    urls = {f"{PREFIX}{name.upper()}_URL": f"{proxy.url}/{name}" for name in SERVICES}
    address = {"TEMPORAL_ADDRESS": temporal.service_client.config.target_host}
    workers = Workers(os.environ | urls | address, next_version)
    try:
        yield workers
    finally:
        await workers.kill()


@pytest.fixture
def order_id() -> str:
    """An order id that no other test uses."""
    return f"v{next(_numbers)}"
