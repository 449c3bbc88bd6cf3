"""A Temporal server for the planted bugs, and a shop in which everything is right."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from ordersaga.connect import connect
from ordersaga.search import ensure_search_attributes
from ordersaga.testing.environment import temporal_server
from tests.planted.stage import Stage, open_stage


@pytest.fixture(scope="package")
async def temporal() -> AsyncIterator[Client]:
    """A server that knows no other tests' orders."""
    async with temporal_server() as address:
        client = await connect(target_host=address)
        await ensure_search_attributes(client)
        yield client


@pytest.fixture(scope="package")
async def sound(temporal: Client, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage with the right code."""
    async with open_stage(temporal, tmp_path_factory.mktemp("sound"), "sound") as stage:
        yield stage
