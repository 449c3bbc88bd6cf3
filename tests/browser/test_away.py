"""While the worker, Temporal or the dashboard's own server is down: what an open page says, and that it recovers."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from ordersaga.orders.connection import connect
from ordersaga.orders.search_attributes import ensure_search_attributes
from ordersaga.orders.worker import order_worker
from ordersaga.stack.dev_server import free_port, temporal_server
from tests.acceptance.harness import ROOT, environment
from tests.api.harness import serving, wire
from tests.browser.conftest import OpenPage
from tests.browser.environment import HELD, DashboardEnvironment
from tests.browser.test_deciding import cancel
from tests.browser.test_orders import row
from tests.browser.watch import Watch

LONG = 40_000.0
"""The timeout for what depends on how fast Temporal stops and starts, in milliseconds."""


class ServerAndWorker:
    """A Temporal server that keeps its data, and a worker, which can be stopped and started."""

    def __init__(self, dashboard: DashboardEnvironment, port: int, folder: Path) -> None:
        self.address = f"127.0.0.1:{port}"
        self._stage = dashboard
        self._database = str(folder / "temporal.db")
        self.temporal = AsyncExitStack()
        self.worker = AsyncExitStack()

    async def start_temporal(self) -> None:
        await self.temporal.enter_async_context(temporal_server("--db-filename", self._database))

    async def start_worker(self) -> None:
        client = await connect(target_host=self.address)
        await ensure_search_attributes(client)
        await self.worker.enter_async_context(order_worker(client, self._stage.settings))


@asynccontextmanager
async def parts_of(dashboard: DashboardEnvironment, port: int, folder: Path) -> AsyncIterator[ServerAndWorker]:
    parts = ServerAndWorker(dashboard, port, folder)
    async with parts.temporal, parts.worker:
        await parts.start_temporal()
        await parts.start_worker()
        yield parts


@asynccontextmanager
async def ordersaga_api(dashboard: DashboardEnvironment, port: int) -> AsyncIterator[str]:
    """The command, running until the end of the block; yields its URL."""
    urls = {f"ORDERSAGA_{name.upper()}_URL": url for name, url in dashboard.settings.service_urls().items()}
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "ordersaga", "api", "--json", "--port", str(port)],
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
        cwd=ROOT,
        env=environment({"TEMPORAL_ADDRESS": dashboard.temporal} | urls),
    )
    try:
        assert process.stdout
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        yield ready["api"]
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()


async def without_a_worker(parts: ServerAndWorker, page: Page) -> None:
    """Stop the worker, and start it again."""
    await parts.worker.aclose()
    await expect(page.locator("#banner")).to_contain_text("worker", timeout=LONG)
    await expect(page.locator("#banner time")).to_have_count(1)
    await expect(page.locator("#timeline")).to_contain_text("Charge done")
    await expect(page.locator("#actions")).to_contain_text("No worker is responding for this order")
    await parts.start_worker()
    await expect(page.locator("#banner")).to_be_empty(timeout=LONG)
    await expect(page.locator("#cancel")).to_be_visible()


async def without_temporal(parts: ServerAndWorker, listed: Page, page: Page, order_id: str) -> None:
    """Stop both, and start them again."""
    await parts.worker.aclose()
    await parts.temporal.aclose()
    for each in (listed, page):
        await expect(each.locator("#banner")).to_contain_text("Temporal is not responding.", timeout=LONG)
    await expect(page.locator("#banner")).to_contain_text("Last updated")
    await expect(page.locator("#banner time")).to_be_visible()
    await expect(listed.locator("#banner time")).to_have_count(0)
    await expect(row(listed, order_id)).to_contain_text("Processing")
    await expect(page.locator("#timeline")).to_contain_text("Charge done")
    await expect(page.locator("#cancel")).to_have_count(0)
    await parts.start_temporal()
    await parts.start_worker()
    for each in (listed, page):
        await expect(each.locator("#banner")).to_be_empty(timeout=LONG)
    await expect(row(listed, order_id)).to_be_visible()


async def test_pages_keep_what_they_know_and_come_back_by_themselves(
    dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setattr("ordersaga.stack.dev_server.free_port", lambda: port)
    async with (
        parts_of(dashboard, port, tmp_path) as parts,
        serving(dashboard.settings, target_host=parts.address) as api,
    ):
        assert (await api.place(wire(await dashboard.order(order_id), policy=HELD))).status == 202
        listed, page = await open_page("/", base_url=api.url), await open_page(None, base_url=api.url)
        await expect(row(listed, order_id)).to_be_visible()
        await page.goto(f"/orders/{order_id}")
        await expect(page.locator("#actions")).to_contain_text("On hold before shipping until")
        loads: list[str] = []
        for each in (listed, page):
            each.on("domcontentloaded", lambda loaded: loads.append(loaded.url))
        await without_a_worker(parts, page)
        await without_temporal(parts, listed, page, order_id)
        assert loads == []
        await cancel(page, "Ada", "after all that")
        await expect(page.get_by_role("status").filter(has_text="The order is cancelled.")).to_be_visible()
        await expect(row(listed, order_id)).to_contain_text("Cancelled")
        for each in (listed, page):
            await each.context.close()


async def test_a_page_whose_server_is_away_reports_it_and_goes_on_when_it_is_back(
    dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str, watch: Watch
) -> None:
    watch.expect(
        "ERR_CONNECTION_REFUSED",
        "ERR_INCOMPLETE_CHUNKED",
        "[object Event]",
        "ERR_EMPTY_RESPONSE",
        "ERR_CONNECTION_RESET",
    )
    port = free_port()
    async with ordersaga_api(dashboard, port) as url:
        page = await open_page("/", base_url=url)
        await page.get_by_label("Order id starts with").fill(order_id)
        await expect(page.locator("#orders")).to_contain_text("No orders match")
    await expect(page.locator("#lost")).to_contain_text("Not live.")
    async with ordersaga_api(dashboard, port):
        await dashboard.held(await dashboard.order(order_id))
        await expect(row(page, order_id)).to_be_visible()
        await expect(page.locator("#lost")).to_be_hidden()
        await page.context.close()
