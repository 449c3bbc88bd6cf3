"""Signing in with a key, in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from ordersaga.web.access import Scope, append_key, new_key
from tests.api.harness import serving
from tests.browser.conftest import OpenPage
from tests.browser.environment import DashboardEnvironment
from tests.browser.watch import Watch


@dataclass
class Guarded:
    """A dashboard that requires keys: its URL, its keys file, and the secrets by name."""

    url: str
    keys: Path
    secrets: dict[str, str]


@pytest.fixture
async def guarded(dashboard: DashboardEnvironment, tmp_path: Path) -> AsyncIterator[Guarded]:
    keys = tmp_path / "keys.toml"
    made = {"reader": new_key("reader", [Scope.READ, Scope.WRITE]), "ada": new_key("ada", list(Scope))}
    for _, entry in made.values():
        append_key(keys, entry)
    settings = dashboard.settings.model_copy(update={"api_keys": str(keys)})
    async with serving(settings, target_host=dashboard.temporal) as api:
        yield Guarded(api.url, keys, {name: secret for name, (secret, _) in made.items()})


async def sign_in(page: Page, secret: str) -> None:
    await page.get_by_label("Key").fill(secret)
    await page.get_by_role("button", name="Sign in").click()


async def test_an_operator_signs_in_and_out(guarded: Guarded, open_page: OpenPage, watch: Watch) -> None:
    watch.expect("status of 403")
    page = await open_page("/totals?period=hour", base_url=guarded.url)
    await expect(page.get_by_label("Key")).to_be_focused()
    for wrong in ("osk_nonsense", guarded.secrets["reader"]):
        await sign_in(page, wrong)
        await expect(page.get_by_role("alert")).to_contain_text("That key can't sign in here.")
    assert await page.context.cookies() == []
    await sign_in(page, guarded.secrets["ada"])
    await expect(page).to_have_url(f"{guarded.url}/totals?period=hour")
    await expect(page.locator(".who")).to_contain_text("ada")
    (cookie,) = await page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"], cookie["path"]) == (True, "Strict", False, "/")
    assert guarded.secrets["ada"] not in cookie["value"]
    assert await page.evaluate("document.cookie") == ""

    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Key")).to_be_visible()
    assert await page.context.cookies() == []
    await page.context.add_cookies([cookie])  # type: ignore[list-item]
    await page.goto("/")
    await expect(page.get_by_label("Key")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_label("Key")).to_be_visible()


async def test_a_session_ends_with_its_key_on_the_page_that_is_open(
    dashboard: DashboardEnvironment, guarded: Guarded, open_page: OpenPage, order_id: str
) -> None:
    await dashboard.held(await dashboard.order(order_id))
    page = await open_page(f"/orders/{order_id}", base_url=guarded.url)
    await sign_in(page, guarded.secrets["ada"])
    await expect(page.locator("h1")).to_have_text(order_id)
    await page.locator("#cancel > summary").click()
    await expect(page.get_by_label("Your name")).to_have_value("ada")
    await page.get_by_label("Reason").fill("revoked meanwhile")
    guarded.keys.write_text("")
    await expect(page.get_by_text("You are signed out.")).to_be_visible()
    await page.locator("#cancel button[type=submit]").click()
    await expect(page.get_by_label("Key")).to_be_visible()
    assert (await dashboard.view(order_id)).cancel_reason is None
