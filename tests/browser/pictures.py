"""Takes the README's screenshots of a real environment with the sample orders: `python -m tests.browser.pictures`.

The orders are placed within a minute. Then their times in the register, from which the pages are built, are spread over
the last day. Nothing else is changed.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from playwright.async_api import Browser, Page, expect

from ordersaga.demo.retail import stock_needed
from ordersaga.demo.scenarios import SOLD_OUT, Cause, demo_scenarios
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus
from ordersaga.stack.faults import Fault, Kind
from tests.browser.chromium import chromium
from tests.browser.environment import DashboardEnvironment, open_dashboard
from tests.workflow.environment import until

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE = {"width": 1280, "height": 800}
AT_ONCE = 2
SHOWN = 171
"""The sample order whose page is shown: five lines to Zürich."""
PARKED = {26: ("refund", 12 * 60), 173: ("release", 134 * 60), 64: ("refund", 47 * 60)}
"""Sample orders that were cancelled: the undo that fails, and for how many seconds it has failed."""
HOLDING = (15, 38, 40)
EURO = (26, 173)
DAY = 23 * 3600
SEED = 11
_REFUSED = (Cause.DECLINED, Cause.UNDELIVERABLE, Cause.OUT_OF_STOCK)


class Picture:
    """The environment as the screenshots show it."""

    def __init__(self, dashboard: DashboardEnvironment) -> None:
        self.dashboard = dashboard
        scenarios = demo_scenarios(200)
        self.orders = [scenario.order for scenario in scenarios]
        for at in EURO:
            self.orders[at] = self.orders[at].model_copy(update={"currency": "EUR"})
        self.refused = [at for at, scenario in enumerate(scenarios) if scenario.cause in _REFUSED]
        self.cancelled = {at for at, scenario in enumerate(scenarios) if scenario.cause is Cause.CANCELLED_IN_TIME}

    @property
    def shown(self) -> OrderInput:
        """The order whose page is shown."""
        return self.orders[SHOWN]

    async def take(self) -> None:
        """Place all orders, and do what is planned for them."""
        await self.dashboard.env.services.inventory.load_stock(stock_needed(self.orders) | {SOLD_OUT: 0})
        apart = {SHOWN, *PARKED, *HOLDING}
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._place(gate, at) for at in range(len(self.orders)) if at not in apart))
        await asyncio.gather(self._tell(), *map(self._park, PARKED), *map(self._hold, HOLDING))

    async def _place(self, gate: asyncio.Semaphore, at: int) -> None:
        order = self.orders[at].model_copy(update={"policy": None})
        async with gate:
            if at in self.cancelled:
                await self._hold(at)
                await self.dashboard.env.orders.cancel_order(order.order_id, "ordered the wrong size (customer)")
            else:
                await self.dashboard.place(order)
            await self.dashboard.ended(order.order_id)

    async def _hold(self, at: int) -> None:
        await self.dashboard.held(self.orders[at])

    async def _park(self, at: int) -> None:
        await self._hold(at)
        order_id = self.orders[at].order_id
        self.dashboard.proxy.faults.append(Fault(Kind.RESET_BEFORE, PARKED[at][0], order_id, attempts=None))
        await self.dashboard.env.orders.cancel_order(order_id, "delivered too late (customer)")

        async def waits() -> bool:
            return await self.dashboard.env.orders.get_order_status(order_id) is OrderStatus.NEEDS_ATTENTION

        await until(waits, 60)

    async def _tell(self) -> None:
        """Create a history: a charge whose answer is lost, a hold, an email that cannot be sent, and then a cancel."""
        order_id = self.shown.order_id
        self.dashboard.proxy.faults += [
            Fault(Kind.LOSE_RESPONSE, "charge", order_id),
            Fault(Kind.RESET_BEFORE, "notify", order_id, attempts=None),
        ]
        await self.dashboard.place(self.shown, policy={"hold_before_shipping": 4})

        async def mails_fail() -> bool:
            return len(self.dashboard.proxy.fired(call="notify", order_id=order_id)) >= 3

        await until(mails_fail, 60)

    async def cancel_shown(self, page: Page) -> None:
        """Cancel the order on its page, as an operator does."""
        await page.goto(f"/orders/{self.shown.order_id}")
        await page.locator("#cancel > summary").click()
        await page.get_by_label("Your name").fill("Ada Lovelace")
        await page.get_by_label("Reason").fill("customer called: ordered twice by mistake")
        await page.locator("#cancel button[type=submit]").click()
        await expect(page.locator("#head")).to_contain_text("Cancelled", timeout=60_000)

    def ages(self) -> dict[str, tuple[float, float]]:
        """For each order, how many seconds ago it should have been placed and put on the worklist."""
        apart = {at: (30.0 + 50 * number, 0.0) for number, at in enumerate(HOLDING)}
        apart |= {at: (since + 1500, since) for at, (_, since) in PARKED.items()}
        plain = [at for at in range(len(self.orders)) if at not in apart and at != SHOWN]
        draw = Random(SEED)
        back = sorted(DAY * draw.random() ** 1.2 + 60 for _ in plain)
        # The newest orders in the list must show every kind of end.
        newest = [*self.refused[-2:], *sorted(self.cancelled)[-2:]]
        rest = [at for at in reversed(plain) if at not in newest]
        for place, at in zip((2, 7, 4, 9), newest, strict=True):
            rest.insert(place, at)
        ages = {at: (age, 0.0) for at, age in zip(rest, back, strict=True)}
        return {self.orders[at].order_id: age for at, age in (ages | apart).items()}


def move_back(folder: Path, ages: dict[str, tuple[float, float]]) -> None:
    """Move the orders' times back in the register; durations stay the same."""
    with closing(sqlite3.connect(folder / "services" / "register.db", timeout=30)) as register, register:
        for order_id, (age, waits) in ages.items():
            _move_entry(register, order_id, timedelta(seconds=age), datetime.now(UTC) - timedelta(seconds=waits))


def _move_entry(register: sqlite3.Connection, order_id: str, age: timedelta, since: datetime) -> None:
    query = "SELECT accepted_at, ended_at, attention FROM accepted_order WHERE order_id = ?"
    *times, attention = register.execute(query, (order_id,)).fetchone()
    moved = [at and (datetime.fromisoformat(at) - age).isoformat(timespec="microseconds") for at in times]
    register.execute("UPDATE accepted_order SET accepted_at = ?, ended_at = ? WHERE order_id = ?", (*moved, order_id))
    if attention:
        stamp = since.isoformat(timespec="microseconds")
        waits = json.dumps(json.loads(attention) | {"since": stamp})
        change = "UPDATE accepted_order SET attention = ?, attention_since = ? WHERE order_id = ?"
        register.execute(change, (waits, stamp, order_id))


async def take(page: Page, name: str, height: int | None = None) -> None:
    """Take a screenshot of the page, or of its top."""
    await expect(page.locator("#banner")).to_be_empty(timeout=30_000)
    await page.set_viewport_size({"width": SIZE["width"], "height": height or 400})
    await page.mouse.move(0, 0)
    IMAGES.mkdir(exist_ok=True)
    await page.screenshot(path=IMAGES / f"{name}.png", full_page=height is None)


async def shoot(browser: Browser, picture: Picture, folder: Path) -> None:
    """Set everything up, and take the screenshots."""
    context = await browser.new_context(base_url=picture.dashboard.api.url, viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
    page = await context.new_page()
    await picture.take()
    await picture.cancel_shown(page)
    await page.goto(f"/orders/{picture.shown.order_id}")
    await take(page, "order")
    move_back(folder, picture.ages())
    await page.goto("/")
    await take(page, "orders", 783)
    await page.goto("/worklist")
    await take(page, "worklist")
    await page.goto("/totals")
    await page.get_by_role("button", name="Check now").click()
    await expect(page.locator("#books")).to_contain_text("alanced", timeout=120_000)
    await page.goto("/totals")
    await take(page, "totals")
    await context.close()


async def main() -> None:
    """Write docs/images."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_dashboard(Path(folder)) as dashboard, chromium() as browser:
            await shoot(browser, Picture(dashboard), Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
