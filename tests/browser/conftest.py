"""One environment and one Chromium for all tests, and separate monitored pages for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.browser.chromium import chromium
from tests.browser.environment import DashboardEnvironment, open_dashboard
from tests.browser.watch import Watch

PATIENCE = 15_000.0
"""The timeout for what a page must show, in milliseconds. Pages update within about two seconds; a busy machine takes
longer."""
_numbers = count(1)

OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
async def dashboard(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DashboardEnvironment]:
    """The environment with the dashboard."""
    async with open_dashboard(tmp_path_factory.mktemp("environment")) as dashboard:
        yield dashboard


@pytest.fixture(scope="session")
async def program() -> AsyncIterator[Browser]:
    """Chromium."""
    async with chromium() as browser:
        yield browser


@pytest.fixture
def watch() -> Watch:
    """The complaints of the test's pages."""
    return Watch()


@pytest.fixture
async def open_page(dashboard: DashboardEnvironment, program: Browser, watch: Watch) -> AsyncIterator[OpenPage]:
    """Open a page as another person's browser would, with its own cookies. Options are those of Browser.new_context.

    At the end, the watch must have no complaints.
    """
    contexts = []

    async def opened(path: str | None = "/", **options: Any) -> Page:
        context = await program.new_context(**{"base_url": dashboard.api.url} | options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        watch.over(context)
        page = await context.new_page()
        if path is not None:
            await page.goto(path)
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert watch.unexpected == []


@pytest.fixture
def order_id() -> str:
    """An order id that no other test uses."""
    return f"web-{next(_numbers):03d}"
