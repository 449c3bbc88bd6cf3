"""The worklist's page, and one decision for many orders, with a preview of what it will do."""

from __future__ import annotations

import re

from ordersaga.domain.result import OrderStatus
from tests.dashboard.browsing import Browser, words_of
from tests.dashboard.conftest import Place
from tests.workflow.environment import OrderEnvironment, until

STEP = "reserve_inventory"


async def listed(browser: Browser, order_id: str, query: str = "") -> str:
    """The worklist's page, once the order is on it."""

    async def found() -> str:
        page = (await browser.get(f"/worklist{query}")).text
        return page if f'id="o-{order_id}"' in page else ""

    return await until(found)


async def test_a_row_says_which_step_waits_why_and_how_often_it_was_tried(browser: Browser, parked: str) -> None:
    page = await listed(browser, parked)
    row = words_of("<main>" + page.partition(f'data-row="{parked} ')[2].partition("</tr>")[0])
    assert re.search(r"Parked Release the stock (more than )?\d+ attempts? (next attempt )?", row), row
    assert "have left the warehouse" in row
    assert "44.98 USD" not in row, "the customer is refunded"
    assert f'name="order" value="{parked}"' in page


async def test_the_worklist_is_filtered_by_kind_and_customer(browser: Browser, parked: str) -> None:
    await listed(browser, parked, "?kind=parked&customer=customer-1&sort=amount")
    for query in ("?kind=wedged", "?customer=somebody-else"):
        page = (await browser.get(f"/worklist{query}")).text
        assert parked not in page
    assert "No orders match" in page


async def test_many_orders_are_decided_on_at_once_after_a_preview(
    browser: Browser, parked: str, completed: Place, env: OrderEnvironment
) -> None:
    ended = f"{parked}-ended"
    await env.orders.place_order(await env.order(ended))
    await listed(browser, parked)
    chosen: dict[str, str | list[str]] = {"choice": "write_off", "order": [parked, ended, "no-such-order"]}

    preview = await browser.post("/worklist/preview", chosen)
    message = words_of(preview.text)
    assert (preview.status, "Write off: 1 order Nothing has been done yet." in message) == (200, True)
    assert "Money at risk" not in message, "the customer is refunded"
    assert f"the stock stays reserved (rsv-{parked})" in message
    assert "Not included" in message
    assert f'href="/orders/{ended}"' in preview.text.partition("Not included")[2]
    assert re.findall(r'name="target" value="([^"]*)"', preview.text) == [f"{parked}|undo|{STEP}"]
    assert await env.orders.get_order_status(parked) is OrderStatus.NEEDS_ATTENTION

    targets = [f"{parked}|undo|{STEP}", f"{ended}|undo|{STEP}"]
    decision: dict[str, str | list[str]] = {"choice": "write_off", "target": targets, "by": "Ada"}
    refused = await browser.post("/worklist/decisions", decision | {"note": " "})
    assert (refused.status, "Enter a reference or a reason" in refused.text) == (409, True)
    assert await env.orders.get_order_status(parked) is OrderStatus.NEEDS_ATTENTION

    done = await browser.post("/worklist/decisions", decision | {"note": "the goods are gone"})
    message = words_of(done.text)
    assert "Write off: 1 of 2 decisions carried out" in message
    assert re.search(rf"{ended} Release the stock Not done .* is not on the worklist", message), message
    result = await env.orders.result(parked)
    assert [(each.choice, each.by, each.note) for each in result.decisions] == [
        ("write_off", "Ada", "the goods are gone")
    ]


async def test_nothing_chosen_and_a_decision_that_there_is_not_change_nothing(browser: Browser, parked: str) -> None:
    for chosen in ({"choice": "write_off"}, {"choice": "go_forward", "order": parked}):
        answer = await browser.post("/worklist/preview", chosen)
        assert (answer.status, "Nothing was changed" in answer.text) == (409, True)
    for path in ("/worklist/preview", "/worklist/decisions"):
        answer = await browser.post(path, {"choice": "retry", "order": parked}, origin="https://elsewhere.example")
        assert answer.status == 403
