"""The README's pictures, taken off a real shop with the sample orders: `python -m tests.browser.pictures`.

The orders are placed within a minute. In the register, which the pages are made of, they are then moved back over the
last day, as if they had been placed then. Nothing else is changed.
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

from ordersaga.demo.cast import SOLD_OUT, Cause, cast
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus
from ordersaga.retail import stock_needed
from ordersaga.testing.faults import Fault, Kind
from tests.browser.chromium import chromium
from tests.browser.stage import Stage, open_stage
from tests.workflow.shop import until

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE = {"width": 1280, "height": 800}
AT_ONCE = 2
TOLD = 171
"""The sample order whose page is shown: five lines to Zürich."""
PARKED = {26: ("refund", 12 * 60), 173: ("release", 134 * 60), 64: ("refund", 47 * 60)}
"""Sample orders that were cancelled, what of their undoing fails, and for how many seconds that has been so."""
HOLDING = (15, 38, 40)
EURO = (26, 173)
DAY = 23 * 3600
SEED = 11
_REFUSED = (Cause.DECLINED, Cause.UNDELIVERABLE, Cause.OUT_OF_STOCK)


class Scene:
    """The shop as the pictures show it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        scenes = cast(200)
        self.orders = [scene.order for scene in scenes]
        for at in EURO:
            self.orders[at] = self.orders[at].model_copy(update={"currency": "EUR"})
        self.refused = [at for at, scene in enumerate(scenes) if scene.cause in _REFUSED]
        self.cancelled = {at for at, scene in enumerate(scenes) if scene.cause is Cause.CANCELLED_IN_TIME}

    @property
    def told(self) -> OrderInput:
        """The order whose page is shown."""
        return self.orders[TOLD]

    async def play(self) -> None:
        """Place all orders, and have happen to them what is to."""
        await self.stage.shop.services.inventory.load_stock(stock_needed(self.orders) | {SOLD_OUT: 0})
        apart = {TOLD, *PARKED, *HOLDING}
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._place(gate, at) for at in range(len(self.orders)) if at not in apart))
        await asyncio.gather(self._tell(), *map(self._park, PARKED), *map(self._hold, HOLDING))

    async def _place(self, gate: asyncio.Semaphore, at: int) -> None:
        order = self.orders[at].model_copy(update={"policy": None})
        async with gate:
            if at in self.cancelled:
                await self._hold(at)
                await self.stage.shop.orders.cancel_order(order.order_id, "ordered the wrong size (customer)")
            else:
                await self.stage.place(order)
            await self.stage.ended(order.order_id)

    async def _hold(self, at: int) -> None:
        await self.stage.held(self.orders[at])

    async def _park(self, at: int) -> None:
        await self._hold(at)
        order_id = self.orders[at].order_id
        self.stage.proxy.faults.append(Fault(Kind.RESET_BEFORE, PARKED[at][0], order_id, attempts=None))
        await self.stage.shop.orders.cancel_order(order_id, "delivered too late (customer)")

        async def waits() -> bool:
            return await self.stage.shop.orders.get_order_status(order_id) is OrderStatus.NEEDS_ATTENTION

        await until(waits, 60)

    async def _tell(self) -> None:
        """A charge whose answer is lost, a hold, a mail that does not get through, and then a cancel."""
        order_id = self.told.order_id
        self.stage.proxy.faults += [
            Fault(Kind.LOSE_RESPONSE, "charge", order_id),
            Fault(Kind.RESET_BEFORE, "notify", order_id, attempts=None),
        ]
        await self.stage.place(self.told, policy={"hold_before_shipping": 4})

        async def mails_fail() -> bool:
            return len(self.stage.proxy.fired(call="notify", order_id=order_id)) >= 3

        await until(mails_fail, 60)

    async def cancel_told(self, page: Page) -> None:
        """Cancel it on its page, as an operator does."""
        await page.goto(f"/orders/{self.told.order_id}")
        await page.locator("#cancel > summary").click()
        await page.get_by_label("Your name").fill("Ada Lovelace")
        await page.get_by_label("Reason").fill("customer called: ordered twice by mistake")
        await page.locator("#cancel button[type=submit]").click()
        await expect(page.locator("#head")).to_contain_text("Cancelled", timeout=60_000)

    def ages(self) -> dict[str, tuple[float, float]]:
        """How many seconds ago each order is to have been placed, and to have come to the worklist."""
        apart = {at: (30.0 + 50 * number, 0.0) for number, at in enumerate(HOLDING)}
        apart |= {at: (since + 1500, since) for at, (_, since) in PARKED.items()}
        plain = [at for at in range(len(self.orders)) if at not in apart and at != TOLD]
        draw = Random(SEED)
        back = sorted(DAY * draw.random() ** 1.2 + 60 for _ in plain)
        # The newest on the list are to show every way in which an order ends.
        newest = [*self.refused[-2:], *sorted(self.cancelled)[-2:]]
        rest = [at for at in reversed(plain) if at not in newest]
        for place, at in zip((2, 7, 4, 9), newest, strict=True):
            rest.insert(place, at)
        ages = {at: (age, 0.0) for at, age in zip(rest, back, strict=True)}
        return {self.orders[at].order_id: age for at, age in (ages | apart).items()}


def move_back(folder: Path, ages: dict[str, tuple[float, float]]) -> None:
    """Move orders back in the register; how long each took stays."""
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
    """Take a picture of the page, or of the top of it."""
    await expect(page.locator("#banner")).to_be_empty(timeout=30_000)
    await page.set_viewport_size({"width": SIZE["width"], "height": height or 400})
    await page.mouse.move(0, 0)
    IMAGES.mkdir(exist_ok=True)
    await page.screenshot(path=IMAGES / f"{name}.png", full_page=height is None)


async def shoot(browser: Browser, scene: Scene, folder: Path) -> None:
    """Play the scene, and take the pictures."""
    context = await browser.new_context(base_url=scene.stage.api.url, viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
    page = await context.new_page()
    await scene.play()
    await scene.cancel_told(page)
    await page.goto(f"/orders/{scene.told.order_id}")
    await take(page, "order")
    move_back(folder, scene.ages())
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
        async with open_stage(Path(folder)) as stage, chromium() as browser:
            await shoot(browser, Scene(stage), Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
