"""Fixtures for tests in several folders, running once per session: the services, and a PostgreSQL server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.services.harness import serving
from tests.services.postgres import Postgres

pytest_plugins = ["tests.spread"]


@pytest.fixture(scope="session")
async def services_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of the running services, without a mail server. Their data lasts for the session."""
    folder: Path = tmp_path_factory.mktemp("services")
    async with serving(folder) as url:
        yield url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, started when the first test needs it."""
    with Postgres.running() as server:
        yield server
