"""A Temporal server for the planted bugs, and environments with correct code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import pytest
from temporalio.client import Client

from ordersaga.orders.connection import connect
from ordersaga.orders.search_attributes import ensure_search_attributes
from ordersaga.stack.dev_server import temporal_server
from resilience.logic_flags import single_batch
from tests.planted.scenario_run import ScenarioRun, open_run


@pytest.fixture(scope="package")
async def temporal() -> AsyncIterator[Client]:
    """A server without orders of other tests."""
    async with temporal_server() as address:
        client = await connect(target_host=address)
        await ensure_search_attributes(client)
        yield client


@pytest.fixture(scope="package")
async def sound(
    temporal: Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Mapping[bool, ScenarioRun]]:
    """Environments with correct code, one without and one with the SDK's logic flag 2."""
    async with AsyncExitStack() as stages:
        opened = {}
        for enabled in (False, True):
            name = f"sound-{enabled}"
            with single_batch(enabled):
                run = open_run(temporal, tmp_path_factory.mktemp(name), name)
                opened[enabled] = await stages.enter_async_context(run)
        yield opened
