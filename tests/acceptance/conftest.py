"""One stack for the tests that do not disturb it, and a fault proxy."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from ordersaga.stack.faults import FaultProxy
from tests.acceptance.harness import Up


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running stack with stock for examples/order.json."""
    stack = Up(tmp_path_factory.mktemp("up") / "data").start()
    try:
        stack.load(MUG_BLUE=1000, TEA_EARL_GREY=1000)
        yield stack
    finally:
        if stack.process.poll() is None:
            stack.end(signal.SIGTERM)


@pytest.fixture
async def proxy(services_url: str) -> AsyncIterator[FaultProxy]:
    """A proxy in front of all services, without faults yet."""
    async with FaultProxy(services_url) as proxy:
        yield proxy
