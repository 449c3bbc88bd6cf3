"""One Temporal server, one worker and the four services for all tests of the workflow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.search_attributes import ensure_search_attributes
from ordersaga.orders.worker import order_worker
from ordersaga.settings import SERVICES, Settings, load_settings
from ordersaga.stack.dev_server import temporal_server
from resilience.logic_flags import single_batch
from tests.workflow.cases import CaseRunner, case_runner
from tests.workflow.environment import OrderEnvironment
from tests.workflow.faulty import orders, parked, proxy
from tests.workflow.runner import Runner
from tests.workflow.sample_saga import SampleWorkflow, World, activities_of

__all__ = ["orders", "parked", "proxy"]
_numbers = count(1)


@pytest.fixture(scope="session", autouse=True, params=[False, True], ids=["flag-2-off", "flag-2-on"])
def single_batch_activations(request: pytest.FixtureRequest) -> Iterator[bool]:
    """The SDK's workflow logic flag 2, which a later SDK will have on by default: every test runs with both values."""
    with single_batch(request.param):
        yield request.param


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    """A client of the session's Temporal server."""
    async with temporal_server() as address:
        client = await connect(target_host=address)
        await ensure_search_attributes(client)
        yield client


@pytest.fixture(scope="session")
def settings(services_url: str) -> Settings:
    """Settings that name the session's services."""
    return load_settings(**{f"{name}_url": f"{services_url}/{name}" for name in SERVICES})


@pytest.fixture(scope="session")
async def env(temporal: Client, settings: Settings, single_batch_activations: bool) -> AsyncIterator[OrderEnvironment]:
    """The complete environment."""
    orders = OrderClient(temporal, settings)
    async with order_worker(temporal, settings, sandboxed=True), OrderEnvironment.open(orders, settings) as env:
        yield env


@pytest.fixture
def order_id() -> str:
    """An order id that no other test uses."""
    return f"w{next(_numbers)}"


@pytest.fixture
async def sample(temporal: Client, order_id: str) -> AsyncIterator[Runner]:
    """A runner for the sample saga in its own world, with a worker."""
    world = World()
    async with Worker(temporal, task_queue="journeys", workflows=[SampleWorkflow], activities=activities_of(world)):
        yield Runner(temporal, world, order_id)
        world.release.set()


@pytest.fixture
async def case(temporal: Client, order_id: str) -> AsyncIterator[CaseRunner]:
    """A runner for a saga of the test's own in its own world, with a worker."""
    async with case_runner(temporal, order_id) as runner:
        yield runner
