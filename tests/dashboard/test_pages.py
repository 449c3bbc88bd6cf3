"""What the pages show, and what they never do."""

from __future__ import annotations

import re

import pytest

from tests.api.harness import Api
from tests.dashboard.browsing import Browser, forms_of, words_of
from tests.dashboard.conftest import Place
from tests.workflow.shop import until

PAGES = ["/", "/worklist", "/outbox", "/totals", "/totals?period=hour", "/orders/no-such-order", "/nowhere"]
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
GERMANY = {"street": "Unter den Linden 77", "city": "Berlin", "zip_code": "10117", "country": "DE"}


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_may_load_and_run_nothing_but_what_is_served_here(browser: Browser, path: str) -> None:
    page = await browser.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy.pop("default-src") == policy.pop("frame-ancestors") == policy.pop("base-uri") == "'none'"
    assert set(policy.values()) == {"'self'"}
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"
    scripts = re.findall(r"<script([^>]*)>", page.text)
    assert scripts
    assert all('src="/static/' in script for script in scripts)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?://(?!127\.0\.0\.1)", page.text.lower())


async def test_what_is_served_for_the_pages_is_there(browser: Browser) -> None:
    page = (await browser.get("/")).text
    for path in {*re.findall(r'(?:src|href)="(/static/[^"]+)"', page)}:
        found = await browser.get(path)
        assert (found.status, found.headers["cache-control"]) == (200, "no-cache"), path


async def test_a_completed_order_is_shown_with_its_steps(browser: Browser, completed: Place) -> None:
    order_id = await completed(currency="EUR", shipping_address=GERMANY, email="ada@example.com")
    page = (await browser.get(f"/orders/{order_id}")).text
    said = words_of(page)
    assert "44,98\xa0€" in page
    for expected in ("Completed", "Reserve the stock Done", f"pay-{order_id}", "Germany", "to ada@example.com"):
        assert expected in said
    assert f"thank you for your order {order_id}" in said
    assert "There is nothing to decide" in said
    assert page.count('class="bar-do"') == 4
    assert forms_of(page) == []


async def test_a_held_order_can_be_cancelled_and_nothing_else(browser: Browser, held: Place) -> None:
    page = (await browser.get(f"/orders/{await held()}")).text
    assert forms_of(page) == ["cancel"]
    assert "On hold before the shipment" in page
    assert 'class="bar-hold"' in page


async def test_a_parked_order_is_on_the_worklist_and_can_be_decided_on(browser: Browser, parked: str) -> None:
    async def listed() -> bool:
        return f'id="o-{parked}"' in (await browser.get("/worklist")).text

    await until(listed)
    worklist = (await browser.get("/worklist")).text
    assert re.search(r"At risk [\d,]+\.\d\d USD", words_of(worklist))
    assert worklist.index('id="nav-worklist"') < worklist.index('id="nav-orders"')
    page = (await browser.get(f"/orders/{parked}")).text
    decisions = [f"decide-reserve_inventory-{choice}" for choice in ("retry", "done_by_hand", "write_off")]
    assert forms_of(page) == decisions
    assert "Releasing the stock does not succeed" in page
    assert "have left the warehouse" in page


async def test_whatever_a_customer_writes_is_text(browser: Browser, held: Place) -> None:
    order_id = await held(
        customer_id=EVIL,
        payment_method_id=EVIL,
        shipping_address={"street": EVIL, "city": EVIL, "state": EVIL, "zip_code": "<b>", "country": "US"},
    )
    await browser.post(f"/orders/{order_id}/cancel", {"form": "cancel", "by": EVIL, "note": EVIL})

    async def listed() -> bool:
        return order_id in (await browser.get("/")).text

    await until(listed)
    for path in (f"/orders/{order_id}", "/", f"/?search={EVIL}&customer={EVIL}", f"/outbox?order_id={EVIL}"):
        page = (await browser.get(path)).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in (await browser.get(f"/orders/{order_id}")).text


async def test_orders_are_found_by_the_beginning_of_their_id_and_by_status(browser: Browser, completed: Place) -> None:
    order_id = await completed()

    async def found(query: str) -> bool:
        return f'id="o-{order_id}"' in (await browser.get(f"/?{query}")).text

    await until(lambda: found(f"search={order_id}"))
    assert await found(f"search={order_id[:6]}&status=completed&customer=customer-1")
    assert not await found(f"search={order_id}&status=failed")
    assert not await found(f"search={order_id}&customer=somebody-else")
    assert not await found(f"search={order_id}&placed_before=2001-01-01")
    assert "No order is like that" in (await browser.get("/?search=no-such-order")).text


async def test_the_outbox_has_the_mail_and_its_text(browser: Browser, completed: Place) -> None:
    order_id = await completed(email="ada@example.com")
    said = words_of((await browser.get("/outbox")).text)
    assert f"Your order {order_id} is on its way" in said
    assert f"thank you for your order {order_id}" in said
    assert order_id not in words_of((await browser.get("/outbox?state=sent")).text)
    assert "No mail is like that" in (await browser.get("/outbox?order_id=../nonsense")).text


async def test_the_totals_count_what_was_placed(browser: Browser, completed: Place) -> None:
    await completed()

    async def counted() -> bool:
        return re.search(r"Completed [1-9]", words_of((await browser.get("/totals?period=hour")).text)) is not None

    await until(counted, 40)


async def test_errors_are_pages_for_browsers_and_problems_for_programs(browser: Browser, api: Api) -> None:
    page = await browser.get("/orders/no-such-order")
    assert page.status == 404
    assert "There is no such order" in words_of(page.text)
    assert (await browser.get("/nowhere")).status == 404
    (await api.get("/nowhere")).problem(404, "NotFound")
    (await browser.get("/v1/orders/no-such-order")).problem(404, "OrderNotFound")
    assert "gone" in words_of((await browser.get("/?cursor=nonsense")).text)


async def test_the_pages_are_not_in_the_api_document(api: Api) -> None:
    paths = (await api.get("/openapi.json")).json["paths"]
    assert [path for path in paths if not path.startswith(("/v1/", "/healthz", "/readyz", "/metrics"))] == []
