"""Every page in light mode, in dark mode and on a phone: it fits, works with the keyboard, and labels everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.environment import DashboardEnvironment
from tests.browser.test_orders import DECLINED, row
from tests.browser.watch import Watch

SCREENSHOTS = Path(__file__).parents[2] / ".artifacts" / "screenshots"
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 375, "height": 812}, "has_touch": True, "is_mobile": True},
}
PAGES = {
    "orders": "/",
    "nothing-found": "/?search=nothing-like-it",
    "more-filters": "/?search=look-&currency=USD&min_amount=1",
    "not-to-be-found": "/?min_amount=1",
    "completed": "/orders/look-completed",
    "failed": "/orders/look-failed",
    "held": "/orders/look-held",
    "retried": "/orders/look-retried",
    "parked": "/orders/look-parked",
    "cancelled": "/orders/look-cancelled",
    "long": f"/orders/{'look-' + 'x' * 95}",
    "worklist": "/worklist",
    "audit": "/audit",
    "outbox": "/outbox",
    "totals": "/totals?period=hour",
    "error": "/orders/no-such-order",
}

TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  const wide = [...document.querySelectorAll("body *")].filter((each) => {
    const box = each.getBoundingClientRect();
    return box.width > 1 && box.right > width + 1 && getComputedStyle(each).position !== "absolute";
  });
  const scrolls = document.documentElement.scrollWidth > width ? ["the page scrolls sideways"] : [];
  return [...scrolls, ...wide.map((each) => each.outerHTML.slice(0, 100))];
}"""
"""What is wider than the window."""

WITHOUT_NAME = """() => {
  const found = [];
  const named = (each) => (each.getAttribute("aria-label") || each.textContent || "").trim() !== "";
  const tell = (what, each) => found.push(`${what}: ${each.outerHTML.slice(0, 120)}`);
  const all = (selector) => [...document.querySelectorAll(selector)];
  for (const each of all("input:not([type=hidden]), select, textarea"))
    if (![...each.labels].some(named) && !each.getAttribute("aria-label")) tell("no label", each);
  for (const each of all("button, summary, a[href], [role=button]")) if (!named(each)) tell("no name", each);
  for (const each of all("img, svg[role=img]"))
    if (!each.hasAttribute("alt") && !each.hasAttribute("aria-label")) tell("no alternative", each);
  for (const each of all("[aria-labelledby], [aria-describedby], label[for]"))
    for (const name of ["aria-labelledby", "aria-describedby", "for"])
      for (const id of (each.getAttribute(name) || "").split(/\\s+/).filter(Boolean))
        if (!document.getElementById(id)) tell(`${name} leads nowhere`, each);
  const ids = all("[id]").map((each) => each.id);
  for (const id of new Set(ids.filter((each, at) => ids.indexOf(each) !== at))) found.push(`two with the id ${id}`);
  const levels = all("h1, h2, h3, h4, h5, h6").map((each) => Number(each.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1 || levels[0] !== 1) found.push(`headings: ${levels}`);
  if (levels.some((level, at) => at && level > levels[at - 1] + 1)) found.push(`a level is left out: ${levels}`);
  if (!document.documentElement.lang || !document.title) found.push("no language or no title");
  return found;
}"""
"""What a screen reader would not announce."""

FOCUS = """() => {
  const style = getComputedStyle(document.activeElement);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const seen = document.activeElement === document.body || outlined || style.boxShadow !== "none";
  return seen ? null : document.activeElement.outerHTML.slice(0, 200);
}"""
"""What has the focus without a visible sign."""


@pytest.fixture(scope="module")
async def shown(dashboard: DashboardEnvironment) -> AsyncIterator[None]:
    """An order of each kind."""
    long = "look-" + "x" * 95
    order = dashboard.order
    orders = {
        name: await order(f"look-{name}", **changes)
        for name, changes in {
            "completed": {},
            "failed": {"payment_method_id": DECLINED},
            "held": {},
            "retried": {},
            "parked": {},
            "cancelled": {},
        }.items()
    }
    address = {"street": "S" * 200, "city": "C" * 200, "state": "T" * 200, "zip_code": "Z" * 20, "country": "US"}
    email = f"{'m' * 64}@{'d' * 180}.example"
    widest = await order(long[:60], customer_id="W" * 128, payment_method_id="p" * 255, shipping_address=address)
    items = [{"sku": widest.items[0].sku, "quantity": 1, "price": "99999999.99"}]
    await dashboard.place(orders["completed"])
    await dashboard.place(orders["failed"])
    await dashboard.place(widest, order_id=long, items=items, email=email)
    await asyncio.gather(
        dashboard.parked(orders["parked"]),
        dashboard.retried(orders["retried"]),
        dashboard.held(orders["held"]),
        dashboard.held(orders["cancelled"]),
    )
    await dashboard.env.orders.cancel_order("look-cancelled", "changed my mind " * 15)
    for name in ("look-completed", "look-failed", "look-cancelled", long):
        await dashboard.ended(name)
    yield
    for name in ("look-parked", "look-retried"):
        dashboard.proxy.lift(name)


async def ready(page: Page) -> None:
    """Wait until the whole page is there, including its figures."""
    await page.wait_for_load_state("load")
    await expect(page.locator("h1")).to_be_visible()
    await expect(page.locator("#banner")).to_be_empty()


@pytest.mark.parametrize("look", LOOKS)
async def test_every_page_fits_and_has_labels(open_page: OpenPage, shown: None, watch: Watch, look: str) -> None:
    page = await open_page(None, **LOOKS[look])
    (SCREENSHOTS / look).mkdir(parents=True, exist_ok=True)
    watch.expect("status of 404")
    problems: dict[str, list[str]] = {}
    for name, path in PAGES.items():
        await page.goto(path)
        await ready(page)
        problems[name] = [*await page.evaluate(TOO_WIDE), *await page.evaluate(WITHOUT_NAME)]
        for opened in await page.locator("details.action > summary").all():
            await opened.click()
            problems[name] += [*await page.evaluate(TOO_WIDE), *await page.evaluate(WITHOUT_NAME)]
        await page.evaluate("scrollTo(0, 0)")
        await page.screenshot(path=SCREENSHOTS / look / f"{name}.png", full_page=True)
    assert {name: found for name, found in problems.items() if found} == {}


async def test_the_dark_is_dark(open_page: OpenPage) -> None:
    brightness = "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    dark, light = await open_page(**LOOKS["dark"]), await open_page(**LOOKS["light"])
    assert max(await dark.evaluate(brightness)) < 60
    assert min(await light.evaluate(brightness)) > 200
    await dark.emulate_media(color_scheme="light")
    assert min(await dark.evaluate(brightness)) > 200


async def test_an_order_is_opened_and_cancelled_with_the_keyboard_alone(
    dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str
) -> None:
    await dashboard.held(await dashboard.order(order_id))
    page = await open_page()
    press = page.keyboard.press

    async def tab_to(selector: str) -> None:
        for _ in range(40):
            unseen = await page.evaluate(FOCUS)
            assert unseen is None, f"one does not see the focus on {unseen}"
            if await page.locator(f"{selector}:focus").count():
                return
            await press("Tab")
        raise AssertionError(f"the Tab key never comes to {selector}")

    await press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    await press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    await press("/")
    await expect(page.get_by_label("Order id starts with")).to_be_focused()
    await page.keyboard.type(order_id)
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(row(page, order_id)).to_be_visible()
    await tab_to(f"#o-{order_id}")
    await press("Enter")
    await expect(page.locator("h1")).to_have_text(order_id)
    await tab_to("#cancel > summary")
    await press("Escape")
    await press("Enter")
    await expect(page.get_by_label("Your name")).to_be_focused()
    await page.keyboard.type("Ada")
    await press("Tab")
    await expect(page.get_by_label("Reason")).to_be_focused()
    await press("Escape")
    await expect(page.get_by_label("Reason")).to_be_hidden()
    await press("Enter")
    await expect(page.get_by_label("Reason")).to_be_focused()
    await page.keyboard.type("no longer wanted")
    await press("Enter")
    await expect(page.get_by_role("status").filter(has_text="The order is cancelled.")).to_be_visible()
    assert (await dashboard.view(order_id)).cancel_reason == "no longer wanted"


async def test_j_and_k_go_through_the_list(open_page: OpenPage, shown: None) -> None:
    page = await open_page("/?search=look-")
    links = page.locator("tbody a.id")
    await expect(links.nth(2)).to_be_visible()
    for key, at in (("j", 0), ("j", 1), ("k", 0)):
        await page.keyboard.press(key)
        await expect(links.nth(at)).to_be_focused()
