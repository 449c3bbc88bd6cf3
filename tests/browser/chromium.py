"""A real Chromium: the one on this machine, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Turn off everything that a browser does by itself, so that no request leaves the machine."""


def program() -> str:
    """The path of Chromium. Without one the tests are skipped; in CI, which installs it, they fail."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is not None:
        return found
    missing = f"no {' or '.join(NAMES)} on PATH; Debian: apt install chromium"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium with its own profile."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program(), args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()
