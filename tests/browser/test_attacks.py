"""Customers who write markup, and other sites' pages: their code does not run, and their requests have no effect."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from ordersaga.web.access import Scope, append_key, new_key
from tests.api.harness import Api, serving
from tests.browser.conftest import OpenPage
from tests.browser.environment import DashboardEnvironment
from tests.browser.test_deciding import cancel, decide
from tests.browser.test_orders import row
from tests.browser.watch import Watch

EVIL = (
    "\"'><img src=/x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>"
    "<a href=javascript:alert(4)>a</a><p hx-get=/totals hx-trigger=load>{{7*7}}"
)
SHORT = "<b>7</b><s>\"'`${7*7}"
ADDRESS = "x'onfocus='alert`5`&lt{{7*7}}@example.com"


async def shows(page: Page, text: str) -> None:
    """Check that the text is shown as text, visible in at least one place."""
    await expect(page.locator("main").get_by_text(text).first).to_be_visible()
    assert await page.locator("main").locator("img, script, [hx-get='/totals'], [onload], [onerror]").count() == 0


async def test_markup_in_every_field_of_an_order_is_shown_and_never_run(
    dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str
) -> None:
    street = {"street": EVIL, "city": EVIL + "c", "state": EVIL + "s", "zip_code": SHORT, "country": "DE"}
    who, card = EVIL[:128], EVIL + "$"
    order = await dashboard.order(
        order_id, customer_id=who, payment_method_id=card, shipping_address=street, email=ADDRESS
    )
    await dashboard.held(order)
    page = await open_page("/")
    await shows(page, who)
    await row(page, order_id).get_by_role("link").click()
    for text in (who, card, EVIL, SHORT, EVIL + "c", EVIL + "s", ADDRESS):
        await shows(page, text)
    await page.get_by_role("link", name=who).click()
    await expect(page.get_by_label("Customer id")).to_have_value(who)
    await expect(row(page, order_id)).to_be_visible()
    await page.go_back()
    await cancel(page, SHORT, EVIL)
    await shows(page, f"{EVIL} ({SHORT})")
    await expect(page.locator("#head")).to_contain_text("Cancelled")
    await page.reload()
    await shows(page, f"{EVIL} ({SHORT})")


async def test_markup_in_an_email_and_in_what_people_decide_is_shown_and_never_run(
    dashboard: DashboardEnvironment, open_page: OpenPage, order_id: str
) -> None:
    sent, parked = f"{order_id}-sent", f"{order_id}-parked"
    street = {"street": EVIL, "city": EVIL, "country": "US", "state": "NY", "zip_code": "10118"}
    await dashboard.place(await dashboard.order(sent, customer_id=EVIL[:128], email=ADDRESS))
    await dashboard.parked(await dashboard.order(parked, customer_id=EVIL[:128], shipping_address=street))
    await dashboard.ended(sent)
    page = await open_page("/outbox")
    await shows(page, ADDRESS)
    await page.get_by_role("row").filter(has_text=sent).locator("summary").click()
    await page.goto("/worklist")
    await shows(page, EVIL[:128])
    await page.goto(f"/orders/{parked}")
    await decide(page, "write_off", SHORT, EVIL)
    await shows(page, f"Written off by {SHORT}: {EVIL}")
    dashboard.proxy.lift(parked)


async def test_markup_in_an_address_is_shown_and_never_run(
    dashboard: DashboardEnvironment, open_page: OpenPage, watch: Watch
) -> None:
    page = await open_page("/")
    await page.get_by_label("Order id starts with").fill(EVIL[:100])
    await expect(page.locator("#orders")).to_contain_text("No orders match")
    await page.get_by_label("Customer id").fill(EVIL[:128])
    await expect(page).to_have_url(re.compile("customer=.*img.*onerror"))
    await page.reload()
    await expect(page.get_by_label("Customer id")).to_have_value(EVIL[:128])
    evil = quote(EVIL, safe="")
    more = "".join(f"&{name}={evil}" for name in ("email", "sku", "tracking", "min_amount", "max_amount", "currency"))
    dates = f"placed_after={evil}&placed_before={evil}"
    for query in (f"?search={evil}&status={evil}&customer={evil}&{dates}", f"?{more}", f"?email={evil}&sku={evil}", ""):
        await page.goto(f"/{query}")
    await page.goto(f"/outbox?order_id={evil}&state={evil}")
    await page.goto(f"/totals?period={evil}")
    await page.goto(f"/sign-in?next={evil}")
    watch.expect("status of 404", "status of 400", "status of 422")
    for path in (f"/orders/{evil}", f"/{evil}", f"/?cursor={evil}"):
        answer = await page.goto(path)
        assert answer is not None
        assert answer.status in (400, 404, 422)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await page.goto(f"/orders/{evil}?flash={evil}")


@pytest.fixture
async def elsewhere() -> AsyncIterator[str]:
    """The origin of another site. Its pages contain what their URL specifies."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=NO_ICON + request.query["html"], content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


NO_ICON = '<link rel="icon" href="data:,">'
FORM = (
    '<form method="post" action="{url}/orders/{order_id}/cancel"><input name="form" value="cancel">'
    '<input name="by" value="Mallory"><input name="note" value="ha"><button>Win a prize</button></form>'
)
FETCH = (
    "<script>fetch('{url}/v1/orders/{order_id}/cancel', {{method: 'POST', mode: 'no-cors', credentials: 'include', "
    "body: '{{}}'}}).catch(() => 0).then(() => document.title = 'sent')</script>"
)


@pytest.fixture(params=["without keys", "signed in"])
async def api_and_key(
    request: pytest.FixtureRequest, dashboard: DashboardEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Api, str]]:
    """The dashboard, and a key for it."""
    if request.param == "without keys":
        yield dashboard.api, ""
        return
    keys = tmp_path_factory.mktemp("keys") / "keys.toml"
    secret, entry = new_key("ada", list(Scope))
    append_key(keys, entry)
    guarded = dashboard.settings.model_copy(update={"api_keys": str(keys)})
    async with serving(guarded, target_host=dashboard.temporal) as api:
        yield api, secret


async def test_another_sites_page_changes_nothing_and_sees_nothing(
    dashboard: DashboardEnvironment,
    open_page: OpenPage,
    watch: Watch,
    order_id: str,
    api_and_key: tuple[Api, str],
    elsewhere: str,
) -> None:
    await dashboard.held(await dashboard.order(order_id))
    api, secret = api_and_key
    page = await open_page("/", base_url=api.url)
    if secret:
        await page.get_by_label("Key").fill(secret)
        await page.get_by_role("button", name="Sign in").click()
    await expect(row(page, order_id)).to_be_visible()

    watch.expect(
        "status of 403", "status of 401", "frame-ancestors", "X-Frame-Options", "ERR_BLOCKED_BY_RESPONSE", "favicon.ico"
    )
    names = {"url": api.url, "order_id": order_id}
    await page.goto(f"{elsewhere}/?html={quote(FORM.format(**names))}")
    async with page.expect_navigation() as sent:
        await page.get_by_role("button", name="Win a prize").click()
    answer = await sent.value
    assert answer is not None
    assert answer.status in (303, 403)
    await page.goto(f"{elsewhere}/?html={quote(FETCH.format(**names))}")
    await expect(page).to_have_title("sent")
    framed = f'<iframe src="{api.url}/orders/{order_id}"></iframe>'
    await page.goto(f"{elsewhere}/?html={quote(framed)}")
    assert order_id not in await page.frames[1].content()
    assert (await dashboard.view(order_id)).cancel_reason is None
