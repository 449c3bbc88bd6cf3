"""The list of orders and an order's page, as a person sees them."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import Locator, Page, Route, expect

from ordersaga.stack.faults import Fault, Kind
from tests.browser.conftest import OpenPage
from tests.browser.environment import DashboardEnvironment

DECLINED = "pm_card_chargeDeclined"


def row(page: Page, order_id: str) -> Locator:
    """An order's row in a list."""
    return page.get_by_role("row").filter(has=page.locator(f'[id="o-{order_id}"]'))


async def test_an_order_is_watched_to_its_end_without_a_reload(
    dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str
) -> None:
    dashboard.proxy.faults.append(Fault(Kind.HOLD_BACK, "ship", order_id, attempts=None))
    page, other = await open_page(), await open_page()
    loads: list[str] = []
    for each in (page, other):
        each.on("domcontentloaded", lambda loaded: loads.append(loaded.url))
    order = await dashboard.order(order_id)
    await dashboard.place(order, policy={"fast_path": 0})
    await expect(row(page, order_id)).to_contain_text("Processing")
    await row(other, order_id).get_by_role("link").click()
    ship = other.get_by_role("listitem").filter(has=other.get_by_role("heading", name="Book the shipment"))
    await expect(ship).to_contain_text("Running")
    await expect(other.locator("#timeline")).to_contain_text("Charge done")
    await expect(other.locator("#timeline")).not_to_contain_text("Shipment done")

    dashboard.proxy.lift(order_id)
    await expect(row(page, order_id)).to_contain_text("Completed")
    await expect(other.locator("#head")).to_contain_text("Completed")
    await expect(ship).to_contain_text("Done")
    await expect(other.locator("#timeline")).to_contain_text("Confirmation done")
    await expect(other.locator("#actions")).to_contain_text("There is nothing to decide")
    await expect(other.locator("#mail")).to_contain_text("Sent")
    assert [mail["To"] for mail in dashboard.mailbox.mails if order_id in mail["Subject"]] == ["ada@example.com"]
    assert loads == [f"{dashboard.api.url}/orders/{order_id}"]


async def test_orders_are_filtered_searched_and_paged_and_the_address_says_how(
    dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str
) -> None:
    who = f"customer of {order_id} & Söhne"
    first = await dashboard.order(f"{order_id}-00", customer_id=who, stock=200)
    orders = [first.model_copy(update={"order_id": f"{order_id}-{number:02d}"}) for number in range(53)]
    orders[7] = orders[7].model_copy(update={"payment_method_id": DECLINED})
    await asyncio.gather(*(dashboard.place(order) for order in orders))
    failed = orders[7].order_id
    await dashboard.ended(failed)
    page = await open_page()
    rows = page.locator("tbody tr")
    await page.get_by_label("Customer id").fill(who)
    await expect(rows).to_have_count(50)
    await expect(page).to_have_url(re.compile(rf"[?&]customer=customer(\+|%20)of(\+|%20){order_id}(\+|%20)%26"))
    await page.reload()
    await expect(page.get_by_label("Customer id")).to_have_value(who)
    await expect(rows).to_have_count(50)
    await page.get_by_role("link", name="Older orders").click()
    await expect(rows).to_have_count(3)
    await expect(page.get_by_label("Customer id")).to_have_value(who)
    await page.get_by_role("link", name="Newest").click()
    await expect(rows).to_have_count(50)

    await page.get_by_label("Status").select_option("failed")
    await expect(rows).to_have_count(1)
    await expect(row(page, failed)).to_contain_text("Failed")
    await page.go_back()
    await expect(page.get_by_label("Status")).to_have_value("")
    await expect(rows).to_have_count(50)

    async with page.expect_event("load"):
        await page.get_by_role("link", name="Clear").click()
    await page.get_by_label("Order id starts with").fill(f"{order_id}-0")
    await expect(rows).to_have_count(10)
    await page.get_by_label("Order id starts with").fill("nothing-like-it")
    await expect(page.locator("#orders")).to_contain_text("No orders match")


async def test_rarely_used_filters_work_and_the_list_is_downloaded(
    dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str
) -> None:
    await dashboard.place(await dashboard.order(order_id, email=f"{order_id}@example.com"))
    await dashboard.place(await dashboard.order(f"{order_id}-dear", email=f"{order_id}@example.com", currency="EUR"))
    page = await open_page()
    rows = page.locator("tbody tr")
    await expect(page.get_by_label("SKU")).to_be_hidden()
    await page.get_by_label("Email").fill(f"{order_id}@example.com")
    await expect(rows).to_have_count(2)
    await expect(rows.first.get_by_role("link")).to_have_text(f"{order_id}-dear")
    await page.get_by_text("More filters").click()
    await page.get_by_label("Amount from").fill("44.98")
    await expect(page.locator("#orders")).to_contain_text("Enter a currency for the amount")
    await page.get_by_label("Currency").fill("eur")
    await expect(rows).to_have_count(1)
    await page.get_by_label("SKU").fill(f"{order_id}-dear-a")
    await expect(page).to_have_url(re.compile(f"sku={order_id}-dear-a"))
    await expect(row(page, f"{order_id}-dear")).to_be_visible()

    await page.reload()
    await expect(page.get_by_label("Amount from")).to_have_value("44.98")
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Download CSV").click()
    download = await started.value
    assert download.suggested_filename == "orders.csv"
    lines = (await download.path()).read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["order_id", f"{order_id}-dear"]

    await page.get_by_label("Amount to").fill("44.97")
    await expect(page.locator("#orders")).to_contain_text("No orders match")
    async with page.expect_event("load"):
        await page.get_by_role("link", name="Clear").click()
    await expect(page.get_by_label("SKU")).to_be_hidden()


async def test_what_is_picked_before_the_scripts_are_there_counts(
    dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str
) -> None:
    order = await dashboard.order(order_id, payment_method_id=DECLINED)
    await dashboard.place(order)
    held: asyncio.Queue[Route] = asyncio.Queue()
    page = await open_page(None)
    await page.route("**/static/dashboard.js", lambda route: held.put_nowait(route))
    await page.goto("/?status=cancelled&search=nothing-like-it", wait_until="commit")
    await page.get_by_label("Order id starts with").fill(order_id)
    await page.get_by_label("Status").select_option("failed")
    await expect(page.locator("#orders")).to_contain_text("No orders match")

    await (await held.get()).continue_()
    await expect(row(page, order_id)).to_contain_text("Failed")
    await expect(page).to_have_url(re.compile(rf"search={order_id}&status=failed"))


async def test_a_filtered_list_is_live_too(dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str) -> None:
    page = await open_page("/?status=cancelled")
    await page.get_by_label("Order id starts with").fill(order_id)
    await expect(page.locator("#orders")).to_contain_text("No orders match")
    await dashboard.held(await dashboard.order(order_id))
    await dashboard.env.orders.cancel_order(order_id, "too dear")
    await expect(row(page, order_id)).to_contain_text("Cancelled")
