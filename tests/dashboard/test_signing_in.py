"""Who may see the dashboard if there are keys."""

from __future__ import annotations

from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from ordersaga.settings import Settings
from ordersaga.web.access import Scope, append_key, new_key
from tests.api.harness import Api, serving
from tests.dashboard.browsing import Browser, words_of
from tests.dashboard.conftest import Place

Guarded = dict[str, Api]


@pytest.fixture
def stranger(guarded: Guarded) -> Browser:
    """A browser that has not signed in."""
    return Browser(guarded["nobody"])


async def signed_in(browser: Browser, secret: str) -> Browser:
    answer = await browser.post("/sign-in", {"key": secret, "next": "/worklist"})
    assert (answer.status, answer.headers["location"]) == (303, "/worklist")
    return browser


@pytest.mark.parametrize("path", ["/", "/orders.csv", "/worklist", "/audit", "/outbox", "/totals", "/orders/x"])
async def test_without_a_key_a_browser_is_sent_to_the_sign_in_and_back(stranger: Browser, path: str) -> None:
    answer = await stranger.get(path)
    assert (answer.status, answer.headers["location"]) == (303, f"/sign-in?next={path.replace('/', '%2F')}")


async def test_without_a_key_a_browser_changes_and_sees_nothing(stranger: Browser, held: Place) -> None:
    order_id = await held()
    for path in (f"/orders/{order_id}/cancel", f"/orders/{order_id}/decisions", "/totals/books"):
        assert (await stranger.post(path, {"by": "x", "note": "y"})).headers["location"] == "/sign-in"
    for path in ("/live/orders", f"/live/orders/{order_id}", "/live/outbox"):
        assert (await stranger.get(path)).text.strip() == "event: signed-out\ndata:"


async def test_an_operator_signs_in_decides_under_the_keys_name_and_signs_out(
    stranger: Browser, secrets: dict[str, str], held: Place
) -> None:
    order_id = await held()
    browser = await signed_in(stranger, secrets["operator"])
    page = (await browser.get(f"/orders/{order_id}")).text
    assert "operator" in page.partition("<main")[0]
    assert 'name="by" required maxlength="100" autocomplete="name" value="operator"' in page
    await browser.post(f"/orders/{order_id}/cancel", {"form": "cancel", "by": "Ada", "note": "called us"})
    assert "called us (Ada (key operator))" in words_of((await browser.get(f"/orders/{order_id}")).text)
    before = dict(browser.cookies)
    assert (await browser.post("/sign-out", {})).status == 303
    browser.cookies = before
    assert (await browser.get("/")).status == 303


async def test_the_session_is_a_cookie_that_only_this_site_sends(stranger: Browser, secrets: dict[str, str]) -> None:
    for proxy, secure in (("http", ""), ("https", True)):
        answer = await stranger.post("/sign-in", {"key": secrets["operator"]}, x_forwarded_proto=proxy)
        (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
        assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "strict", secure)
        assert secrets["operator"] not in answer.headers["set-cookie"]


@pytest.mark.parametrize("target", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "x"])
async def test_the_sign_in_leads_nowhere_else(stranger: Browser, secrets: dict[str, str], target: str) -> None:
    answer = await stranger.post("/sign-in", {"key": secrets["operator"], "next": target})
    assert answer.headers["location"] == "/"


async def test_another_sites_page_signs_nobody_in_or_out(stranger: Browser, secrets: dict[str, str]) -> None:
    for path in ("/sign-in", "/sign-out"):
        answer = await stranger.post(path, {"key": secrets["operator"]}, origin="https://elsewhere.example")
        assert (answer.status, "set-cookie" in answer.headers) == (403, False)


async def test_a_revoked_key_ends_its_session_and_tries_are_counted(
    settings: Settings, address: str, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.toml"
    secret, entry = new_key("ada", [Scope.OPERATE, Scope.READ])
    reader, reading = new_key("reader", [Scope.READ, Scope.WRITE])
    append_key(keys, reading)
    before = keys.read_text()
    append_key(keys, entry)
    async with serving(settings.model_copy(update={"api_keys": str(keys)}), target_host=address) as api:
        browser = await signed_in(Browser(api), secret)
        assert (await browser.get("/")).status == 200
        keys.write_text(before)
        assert (await browser.get("/")).status == 303

        statuses = [(await browser.post("/sign-in", {"key": wrong})).status for wrong in (reader, "", "x" * 5000)]
        assert statuses == [403, 403, 403]
        for _ in range(6):
            await browser.post("/sign-in", {"key": "guess"})
        blocked = await browser.post("/sign-in", {"key": "guess"})
        assert blocked.status == 429
        assert int(blocked.headers["retry-after"]) >= 1
