"""What the pages show, and what they never do."""

from __future__ import annotations

import re
from html import escape, unescape
from urllib.parse import urlencode

import pytest

from tests.api.harness import Api
from tests.dashboard.browsing import Browser, forms_of, words_of
from tests.dashboard.conftest import Place
from tests.workflow.environment import OrderEnvironment, until

PAGES = ["/", "/worklist", "/audit", "/outbox", "/totals", "/totals?period=hour", "/orders/no-such-order", "/nowhere"]
FILTERS = ("search", "customer", "email", "tracking", "sku", "min_amount", "max_amount", "currency")
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
    message = words_of(page)
    assert "44,98\xa0€" in page
    for expected in ("Completed", "Reserve the stock Done", f"pay-{order_id}", "Germany", "to ada@example.com"):
        assert expected in message
    assert f"thank you for your order {order_id}" in message
    assert "There is nothing to decide" in message
    assert page.count('class="bar-do"') == 4
    assert forms_of(page) == []


async def test_a_held_order_can_be_cancelled_and_nothing_else(browser: Browser, held: Place) -> None:
    page = (await browser.get(f"/orders/{await held()}")).text
    assert forms_of(page) == ["cancel"]
    assert "On hold before shipping" in page
    assert 'class="bar-hold"' in page


async def test_a_parked_order_is_on_the_worklist_and_can_be_decided_on(browser: Browser, parked: str) -> None:
    async def listed() -> bool:
        return f'id="o-{parked}"' in (await browser.get("/worklist")).text

    await until(listed)
    worklist = (await browser.get("/worklist")).text
    row = words_of("<main>" + worklist.partition(f'data-row="{parked} ')[2].partition("</tr>")[0])
    assert "nothing" in row  # the order is at risk, although the customer has the money back
    assert worklist.index('id="nav-worklist"') < worklist.index('id="nav-orders"')
    page = (await browser.get(f"/orders/{parked}")).text
    decisions = [f"decide-reserve_inventory-{choice}" for choice in ("retry", "done_by_hand", "write_off")]
    assert forms_of(page) == decisions
    assert "Releasing the stock keeps failing" in page
    assert "have left the warehouse" in page


async def test_whatever_a_customer_writes_is_text(browser: Browser, held: Place) -> None:
    order_id = await held(
        customer_id=EVIL,
        payment_method_id=EVIL,
        shipping_address={"street": EVIL, "city": EVIL, "state": EVIL, "zip_code": "<b>", "country": "US"},
    )
    await browser.post(f"/orders/{order_id}/cancel", {"form": "cancel", "by": EVIL, "note": EVIL})
    assert order_id in (await browser.get("/")).text
    filters = "&".join(f"{name}={EVIL}" for name in (*FILTERS, "status", "placed_after"))
    for path in (f"/orders/{order_id}", "/", f"/?{filters}", f"/?email={EVIL}", f"/outbox?order_id={EVIL}"):
        page = (await browser.get(path)).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in (await browser.get(f"/orders/{order_id}")).text


async def test_orders_are_found_by_the_beginning_of_their_id_and_by_status(browser: Browser, completed: Place) -> None:
    order_id = await completed()

    async def found(query: str) -> bool:
        return f'id="o-{order_id}"' in (await browser.get(f"/?{query}")).text

    assert await found(f"search={order_id}")
    assert await found(f"search={order_id[:6]}&status=completed&customer=customer-1")
    assert not await found(f"search={order_id}&status=failed")
    assert not await found(f"search={order_id}&customer=somebody-else")
    assert not await found(f"search={order_id}&placed_before=2001-01-01")
    assert "No orders match" in (await browser.get("/?search=no-such-order")).text


async def test_orders_are_found_by_mail_article_parcel_and_amount(
    browser: Browser, env: OrderEnvironment, completed: Place
) -> None:
    order_id = await completed(email="ada+shop@example.com", currency="EUR")
    tracking = (await env.orders.result(order_id)).tracking_number
    asked = {
        "email": ("ada+shop@example.com", "bob@example.com"),
        "sku": (f"{order_id}-a", f"{order_id}-c"),
        "tracking": (tracking, "no-such-parcel"),
        "min_amount": ("44.98", "44.99"),
        "max_amount": ("44.98", "44.97"),
        "currency": ("eur", "USD"),
        "placed_after": ("2001-01-01", "2101-01-01"),
    }
    for name, values in asked.items():
        for value, is_found in zip(values, (True, False), strict=True):
            query = {"search": order_id, "currency": "EUR", name: value or ""}
            page = (await browser.get(f"/?{urlencode(query)}")).text
            assert (f'id="o-{order_id}"' in page) is is_found, (name, value)
            assert f'value="{escape(value or "")}"' in page
            assert '<details id="more-filters" class="more-filters" open>' in page
    assert 'class="more-filters">' in (await browser.get(f"/?search={order_id}&email=ada")).text


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("min_amount=5", "Enter a currency for the amount, such as USD."),
        ("max_amount=5.001&currency=USD", "max_amount: 5.001 has too many decimals: USD has 2."),
        ("max_amount=many&currency=USD", "is not a decimal amount"),
        ("sku=a%00b", "sku: contains control characters"),
    ],
)
async def test_invalid_filters_are_reported(browser: Browser, query: str, problem: str) -> None:
    page = (await browser.get(f"/?{query}")).text
    assert "These filters are not valid" in words_of(page)
    assert problem in words_of(page)
    assert "orders.csv" not in page
    refused = await browser.get(f"/orders.csv?{query}")
    assert (refused.status, "These filters are not valid" in refused.text) == (422, True)


async def test_every_filter_takes_effect_as_soon_as_it_changes(browser: Browser) -> None:
    form = (await browser.get("/")).text.partition('<form id="filter"')[2].partition("</form>")[0]
    fields = re.findall(r'<(?:input|select) id="([\w-]+)" name="(\w+)"', form)
    assert {name for _, name in fields} == {*FILTERS, "status", "placed_after", "placed_before"}
    for field, _ in fields:
        assert re.search(rf"hx-trigger=\"[^\"]*from:#{field}[,\"]", form), field


async def test_the_list_that_is_shown_can_be_had_as_csv(
    browser: Browser, env: OrderEnvironment, completed: Place
) -> None:
    order_id = await completed(customer_id="Ada & Söhne", email="ada@example.com")
    page = (await browser.get(f"/?{urlencode({'search': order_id, 'customer': 'Ada & Söhne'})}")).text
    (link,) = re.findall(r'<a [^>]*href="([^"]*)" download>Download CSV</a>', page)
    file = await browser.get(unescape(link))
    assert (file.status, file.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert file.headers["content-disposition"] == 'attachment; filename="orders.csv"'
    header, row = file.text.splitlines()
    assert header.startswith("order_id,status,customer_id,email,")
    assert row.startswith(f"{order_id},completed,Ada & Söhne,ada@example.com,44.98,USD,")


async def test_the_outbox_has_the_email_and_its_text(browser: Browser, completed: Place) -> None:
    order_id = await completed(email="ada@example.com")
    message = words_of((await browser.get("/outbox")).text)
    assert f"Your order {order_id} is on its way" in message
    assert f"thank you for your order {order_id}" in message
    assert order_id not in words_of((await browser.get("/outbox?state=sent")).text)
    assert "No emails match" in (await browser.get("/outbox?order_id=../nonsense")).text


async def test_the_totals_count_what_was_placed(browser: Browser, completed: Place) -> None:
    await completed()

    async def counted() -> bool:
        return re.search(r"Completed [1-9]", words_of((await browser.get("/totals?period=hour")).text)) is not None

    await until(counted, 40)


async def test_errors_are_pages_for_browsers_and_problems_for_programs(browser: Browser, api: Api) -> None:
    page = await browser.get("/orders/no-such-order")
    assert page.status == 404
    assert "Order not found" in words_of(page.text)
    assert (await browser.get("/nowhere")).status == 404
    (await api.get("/nowhere")).problem(404, "NotFound")
    (await browser.get("/v1/orders/no-such-order")).problem(404, "OrderNotFound")
    assert "no longer exists" in words_of((await browser.get("/?cursor=nonsense")).text)


async def test_the_pages_are_not_in_the_api_document(api: Api) -> None:
    paths = (await api.get("/openapi.json")).json["paths"]
    assert [path for path in paths if not path.startswith(("/v1/", "/healthz", "/readyz", "/metrics"))] == []
