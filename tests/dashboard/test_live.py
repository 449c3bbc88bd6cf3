"""Pages that update themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from ordersaga.settings import Settings
from ordersaga.web.dashboard.rendering import without_ages
from tests.api.harness import Api, serving
from tests.dashboard.browsing import Browser, words_of
from tests.dashboard.conftest import Place
from tests.services.harness import serving as serving_services
from tests.workflow.environment import OrderEnvironment, until

SECONDS = 20


class Stream:
    """The events of a page, in order of arrival."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def until(self, event: str, text: str) -> str:
        """The first event with this name that contains this text."""
        async with asyncio.timeout(SECONDS):
            name, data = "", list[str]()
            async for raw in self._response.content:
                line = raw.decode().rstrip("\n")
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    data.append(value)
                elif not line:
                    if name == event and text in "\n".join(data):
                        return "\n".join(data)
                    name, data = "", []
        raise AssertionError(f"the stream ended without {event!r} with {text!r}")


@asynccontextmanager
async def stream(api: Api, path: str) -> AsyncIterator[Stream]:
    async with api.session.get(api.url + path) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response)


async def test_a_new_order_appears_in_the_list(api: Api, completed: Place) -> None:
    async with stream(api, "/live/orders") as events:
        await events.until("list", "")
        order_id = await completed()
        assert "Completed" in await events.until("list", f'id="o-{order_id}"')


async def test_an_orders_page_follows_it(api: Api, held: Place, env: OrderEnvironment) -> None:
    order_id = await held()
    async with stream(api, f"/live/orders/{order_id}") as events:
        await events.until("actions", "Cancel the order")
        await env.orders.cancel_order(order_id, "changed my mind")
        await events.until("actions", "There is nothing to decide")


async def test_a_list_can_be_followed_as_it_is_filtered(api: Api, completed: Place) -> None:
    order_id = await completed()
    async with stream(api, f"/live/orders?search={order_id}") as events:
        assert (await events.until("list", order_id)).count("<tr") == 2


def test_an_age_is_no_change() -> None:
    page = '<p>Placed <time datetime="x" data-age="">{} s ago</time></p>'
    assert without_ages(page.format(1)) == without_ages(page.format(2))
    assert without_ages(page) != without_ages(page.replace("Placed", "Ended"))


async def test_without_temporal_from_the_start_every_page_reports_it(settings: Settings) -> None:
    async with serving(settings, target_host="127.0.0.1:1") as api:
        browser = Browser(api)
        for path, message in (("/", "Newest first."), ("/totals", "Orders by outcome and time placed")):
            page = await browser.get(path)
            assert page.status == 200
            assert "Temporal is not responding." in page.text
            assert message in words_of(page.text)
        answer = await browser.get("/orders/some-order")
        assert (answer.status, "Try again" in answer.text) == (503, True)


async def test_the_list_of_orders_goes_on_while_temporal_is_away(
    settings: Settings, env: OrderEnvironment, order_id: str
) -> None:
    async with serving(settings, target_host="127.0.0.1:1") as api:
        for name in (f"{order_id}-1", f"{order_id}-2"):
            await env.orders.place_order(await env.order(name))
            page = (await Browser(api).get(f"/?search={name}")).text
            assert f'id="o-{name}"' in page
            assert "Temporal is not responding." in page
            assert "Last updated <time" not in page


async def test_what_was_known_is_shown_with_its_age_when_the_register_goes(
    settings: Settings, address: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as register:
        url = await register.enter_async_context(serving_services(tmp_path, only=["register"]))
        own = settings.model_copy(update={"register_url": f"{url}/register"})
        async with serving(own, target_host=address) as api:
            browser = Browser(api)
            assert "No orders yet" in (await browser.get("/")).text
            await register.aclose()

            async def stale() -> bool:
                page = (await browser.get("/")).text
                return "The register service is not responding." in page and "Last updated <time" in page

            await until(stale, 40)
            assert "No orders yet" in (await browser.get("/")).text
            unknown = words_of((await browser.get("/?search=never-asked-for")).text)
            assert "Orders are not available The register is not responding" in unknown
