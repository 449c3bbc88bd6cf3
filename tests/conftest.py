"""What tests of several folders share: the four services, running once for the whole session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.services.harness import serving


@pytest.fixture(scope="session")
async def services_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of the running services, without a mail server. Their books last for the session."""
    folder: Path = tmp_path_factory.mktemp("services")
    async with serving(folder) as url:
        yield url
