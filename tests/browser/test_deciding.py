"""An operator's actions on orders' pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Locator, Page, expect

from ordersaga.domain.result import OrderStatus
from ordersaga.stack.faults import Fault, Kind
from tests.browser.conftest import OpenPage
from tests.browser.environment import DashboardEnvironment
from tests.browser.watch import Watch

REFUND = "decide-charge_payment"


async def cancel(page: Page, name: str, reason: str) -> None:
    """Fill in and send the form that cancels the order."""
    await page.locator("#cancel > summary").click()
    await send(page.locator("#cancel"), name, reason)


async def decide(page: Page, choice: str, name: str, note: str) -> None:
    """Fill in and send the form of a decision on the refund."""
    form = page.locator(f"#{REFUND}-{choice}")
    await form.locator("summary").click()
    await send(form, name, note)


async def send(form: Locator, name: str, note: str) -> None:
    """Fill in and send an open form."""
    await form.get_by_label("Your name").fill(name)
    await form.locator("[name=note]").fill(note)
    await form.locator("button[type=submit]").click()


@pytest.fixture(scope="module")
async def parked(dashboard: DashboardEnvironment) -> AsyncIterator[list[str]]:
    """Orders whose refunds are parked."""
    ids = [f"web-parked-{number}" for number in range(4)]
    orders = [await dashboard.order(order_id) for order_id in ids]
    yield await asyncio.gather(*map(dashboard.parked, orders))
    for order_id in ids:
        dashboard.proxy.lift(order_id)


async def test_an_order_is_cancelled_in_its_hold(
    dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str
) -> None:
    await dashboard.held(await dashboard.order(order_id))
    page = await open_page(f"/orders/{order_id}")
    await expect(page.locator("#actions")).to_contain_text("On hold before shipping until")
    await cancel(page, "Ada Lovelace", "the customer called")
    await expect(page.get_by_role("status").filter(has_text="The order is cancelled.")).to_be_visible()
    await expect(page.locator("#head")).to_contain_text("the customer called (Ada Lovelace)")
    await expect(page.locator("#head")).to_contain_text("Cancelled")
    await expect(page.locator("#actions")).to_contain_text("everything was undone")
    assert await dashboard.env.books(order_id) == ["released", "refunded"]
    (payment,) = [each async for each in dashboard.env.services.payment.payments(order_id=order_id)]
    assert payment.refunded == payment.amount == "44.98"
    stock = [each async for each in dashboard.env.services.inventory.stock() if each.sku.startswith(order_id)]
    assert [(each.on_hand, each.reserved) for each in stock] == [(10, 0), (10, 0)]


async def test_a_cancel_after_the_parcel_has_left_is_refused_with_the_reason(
    dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str
) -> None:
    dashboard.proxy.faults.append(Fault(Kind.ERROR_BEFORE, "notify", order_id, attempts=None))
    await dashboard.place(await dashboard.order(order_id))
    await dashboard.books_say(order_id, "held", "captured", "created")
    await dashboard.env.parcel_leaves(order_id)
    page = await open_page(f"/orders/{order_id}")
    await cancel(page, "Ada", "too slow")
    await expect(page.get_by_role("status").filter(has_text="came too late")).to_be_visible()
    dashboard.proxy.lift(order_id)
    await expect(page.locator("#head")).to_contain_text("Completed")
    await expect(page.locator("#timeline")).to_contain_text("Shipment: too late, the parcel has left")
    await dashboard.books_say(order_id, "held", "captured", "shipped", "sent")


async def test_the_worklist_comes_first_with_its_count_the_amount_at_risk_and_the_age(
    dashboard: DashboardEnvironment, open_page: OpenPage, parked: list[str]
) -> None:
    page = await open_page("/")
    first = page.get_by_role("navigation", name="Pages").get_by_role("link").first
    await expect(first).to_contain_text("Worklist")
    count = len(await dashboard.env.orders.worklist())
    await expect(first.locator(".count")).to_have_text(str(count))
    await first.click()
    item = page.get_by_role("row").filter(has=page.locator(f"#o-{parked[0]}"))
    await expect(item).to_contain_text("44.98 USD")
    await expect(item.locator(".c-age time")).to_have_text(re.compile(r"^(just now|\d+ (s|min) ago)$"))
    await expect(page.locator(".tile-alert")).to_contain_text("USD")
    await expect(item).to_contain_text("Refund the customer")
    await expect(item).to_contain_text("payment answered 500")
    await item.get_by_role("link", name="Decide on").click()
    await expect(page.get_by_role("heading", name="This order needs a decision")).to_be_in_viewport()
    await expect(page.locator("#actions")).to_contain_text("Refunding the customer keeps failing")


async def test_a_refund_is_retried(dashboard: DashboardEnvironment, open_page: OpenPage, parked: list[str]) -> None:
    order_id = parked[0]
    page, worklist = await open_page(f"/orders/{order_id}"), await open_page("/worklist")
    row = worklist.locator(f"#o-{order_id}")
    await expect(row).to_be_visible()
    dashboard.proxy.lift(order_id)
    await decide(page, "retry", "Grace Hopper", "")
    await expect(page.get_by_role("status").filter(has_text="The retry succeeded.")).to_be_visible()
    await expect(page.locator("#timeline")).to_contain_text("Retried by Grace Hopper")
    await expect(page.locator("#head")).to_contain_text("Cancelled")
    await expect(row).to_have_count(0)
    await dashboard.books_say(order_id, "released", "refunded")


@pytest.mark.parametrize(
    ("choice", "text", "outcome", "at"),
    [
        ("done_by_hand", "Done by hand", "cancelled and undone. Someone refunded the customer by hand.", 1),
        ("write_off", "Written off", "cancelled and undone. Written off: the customer is not refunded", 2),
    ],
)
async def test_a_refund_is_recovered_outside(
    dashboard: DashboardEnvironment,
    open_page: OpenPage,
    parked: list[str],
    watch: Watch,
    choice: str,
    text: str,
    outcome: str,
    at: int,
) -> None:
    order_id = parked[at]
    page = await open_page(f"/orders/{order_id}")
    form = page.locator(f"#{REFUND}-{choice}")
    for name, note in (("", "transfer 4711"), ("Ada", "")):
        await page.reload()
        await decide(page, choice, name, note)
        await expect(form.locator("input:invalid")).to_have_count(1)
    await form.locator("form").evaluate("form => form.noValidate = true")
    watch.expect("status of 409")
    await send(form, "Ada", " ")
    await expect(form.get_by_role("alert")).to_contain_text("Nothing was changed")
    await expect(form.get_by_label("Your name")).to_have_value("Ada")
    assert (await dashboard.view(order_id)).decisions == []
    assert await dashboard.env.orders.get_order_status(order_id) is OrderStatus.NEEDS_ATTENTION

    await send(form, "Ada Lovelace", "transfer 4711")
    await expect(page.locator("#timeline")).to_contain_text(f"{text} by Ada Lovelace: transfer 4711")
    await expect(page.locator("#head")).to_contain_text("Cancelled")
    await page.goto(f"/orders/{order_id}")
    await expect(page.locator("#actions")).to_contain_text(outcome)
    await expect(page.locator("#timeline")).to_contain_text(f"{text} by Ada Lovelace: transfer 4711")
    assert await dashboard.env.books(order_id) == ["released", "captured"]


async def test_a_form_that_is_being_filled_in_is_left_alone(
    dashboard: DashboardEnvironment, open_page: OpenPage, parked: list[str]
) -> None:
    order_id = parked[3]
    page = await open_page(f"/orders/{order_id}")
    form = page.locator(f"#{REFUND}-write_off")
    await form.locator("summary").click()
    await form.get_by_label("Reason").press_sequentially("a gift, to be writ")
    dashboard.proxy.lift(order_id)
    await decide(await open_page(f"/orders/{order_id}"), "retry", "Grace", "somebody else was faster")
    await expect(page.locator("#timeline")).to_contain_text("Retried by Grace")
    await expect(form.get_by_label("Reason")).to_have_value("a gift, to be writ")
    await expect(form.get_by_label("Reason")).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="This order has changed")).to_be_visible()
    await page.get_by_role("button", name="Show its current state").click()
    await expect(page.locator("#actions")).to_contain_text("There is nothing to decide")


async def test_the_worklist_holds_still_while_somebody_points_at_it(
    dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str
) -> None:
    """An irreversible button must never move under the pointer."""
    first, second, third = (f"{order_id}-{number}" for number in range(3))
    await dashboard.parked(await dashboard.order(first))
    page = await open_page("/worklist")
    button = page.get_by_role("link", name=f"Decide on {first}")
    await button.hover()
    await dashboard.parked(await dashboard.order(second))
    changed = page.get_by_role("status").filter(has_text="The list has changed")
    await expect(changed).to_be_visible()
    place = await button.bounding_box()
    await expect(page.locator(f"#o-{second}")).to_have_count(0)
    # By the keyboard: when the pointer leaves the row, the list may refresh itself first.
    await page.get_by_role("button", name="Refresh").press("Enter")
    await expect(page.locator(f"#o-{second}")).to_be_visible()
    await expect(changed).to_be_hidden()
    assert await button.bounding_box() == place, "what has waited longer stays where it is"

    await page.get_by_role("checkbox", name=f"Select {second}").check()
    await page.mouse.move(0, 0)
    await page.evaluate("document.activeElement.blur()")
    await dashboard.parked(await dashboard.order(third))
    await expect(changed).to_be_visible()
    await expect(page.locator(f"#o-{third}")).to_have_count(0)
    await page.get_by_role("checkbox", name=f"Select {second}").uncheck()
    await page.mouse.move(0, 0)
    await page.evaluate("document.activeElement.blur()")
    await expect(page.locator(f"#o-{third}")).to_be_visible()
    await expect(changed).to_be_hidden()
    for name in (first, second, third):
        dashboard.proxy.lift(name)


async def test_many_refunds_are_decided_on_at_once(
    dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str
) -> None:
    ids = [f"{order_id}-{number}" for number in range(2)]
    for name in ids:
        await dashboard.parked(await dashboard.order(name))
    page = await open_page("/worklist?customer=customer-1")
    for name in ids:
        await page.get_by_role("checkbox", name=f"Select {name}").check()
    await page.get_by_role("button", name="Mark as done by hand…").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Mark as done by hand: 2 orders")
    await expect(page.locator(".tile-alert")).to_contain_text("89.96 USD")
    assert [(await dashboard.view(name)).decisions for name in ids] == [[], []]
    await page.get_by_label("Your name").fill("Ada Lovelace")
    await page.get_by_label("Reference").fill("transfers of 3 May")
    await page.get_by_role("button", name="Mark 2 steps of 2 orders as done by hand").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "Mark as done by hand: 2 of 2 decisions carried out"
    )
    for name in ids:
        assert [each.note for each in (await dashboard.env.orders.result(name)).decisions] == ["transfers of 3 May"]
        dashboard.proxy.lift(name)
