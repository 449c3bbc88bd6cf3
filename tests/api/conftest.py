"""The API over the tests' Temporal server, worker and services: without keys, and with some."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
from temporalio.client import Client

from ordersaga.orders.client import OrderClient
from ordersaga.orders.worker import order_worker
from ordersaga.settings import SERVICES, Settings
from ordersaga.stack.faults import FaultProxy
from ordersaga.web.access import Scope, append_key, new_key
from tests.api.harness import Api, serving
from tests.workflow.conftest import settings, temporal
from tests.workflow.environment import OrderEnvironment

__all__ = ["settings", "temporal"]

_numbers = count(1)
KEYS: dict[str, tuple[list[Scope], str | None]] = {
    "shop": ([Scope.WRITE, Scope.READ], None),
    "reader": ([Scope.READ], None),
    "operator": ([Scope.READ, Scope.WRITE, Scope.OPERATE], None),
    "ada": ([Scope.WRITE, Scope.READ], "ada"),
    "bob": ([Scope.WRITE, Scope.READ], "bob"),
}


@pytest.fixture(scope="session")
async def env(temporal: Client, settings: Settings) -> AsyncIterator[OrderEnvironment]:
    """The complete environment."""
    orders = OrderClient(temporal, settings)
    async with order_worker(temporal, settings, sandboxed=True), OrderEnvironment.open(orders, settings) as env:
        yield env


@pytest.fixture(scope="session")
def address(temporal: Client) -> str:
    """The address of the tests' Temporal server."""
    return temporal.service_client.config.target_host


@pytest.fixture(scope="session")
async def api(settings: Settings, address: str) -> AsyncIterator[Api]:
    """The API without keys."""
    async with serving(settings.model_copy(update={"api_rate": "100000/minute"}), target_host=address) as api:
        yield api


@pytest.fixture(scope="session")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of the keys file."""
    return tmp_path_factory.mktemp("keys") / "keys.toml"


@pytest.fixture(scope="session")
def secrets(keys_file: Path) -> dict[str, str]:
    """The keys of KEYS, by name."""
    made = {name: new_key(name, scopes, customer) for name, (scopes, customer) in KEYS.items()}
    for _, entry in made.values():
        append_key(keys_file, entry)
    return {name: secret for name, (secret, _) in made.items()}


@pytest.fixture(scope="session")
async def guarded(
    settings: Settings, address: str, keys_file: Path, secrets: dict[str, str]
) -> AsyncIterator[dict[str, Api]]:
    """The API with keys, as each of their owners calls it; "nobody" has no key."""
    wanted = settings.model_copy(update={"api_keys": str(keys_file), "api_rate": "100000/minute"})
    async with serving(wanted, target_host=address) as nobody:
        yield {"nobody": nobody, **{name: nobody.with_key(secret) for name, secret in secrets.items()}}


@pytest.fixture(scope="session")
async def proxy(services_url: str) -> AsyncIterator[FaultProxy]:
    """The proxy through which the worker of `faulty` calls the services."""
    async with FaultProxy(services_url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def faulty_settings(settings: Settings, proxy: FaultProxy) -> Settings:
    """The settings of an environment whose worker calls the services through the proxy."""
    urls = {f"{name}_url": f"{proxy.url}/{name}" for name in SERVICES}
    return settings.model_copy(update={"task_queue": "faulty", "api_rate": "100000/minute", **urls})


@pytest.fixture(scope="session")
async def faulty(temporal: Client, faulty_settings: Settings, address: str) -> AsyncIterator[Api]:
    """The API of that environment."""
    async with order_worker(temporal, faulty_settings), serving(faulty_settings, target_host=address) as api:
        yield api


@pytest.fixture
def order_id() -> str:
    """An order id that no other test uses."""
    return f"api-{next(_numbers)}"
