"""What the forms do, and whose requests are accepted."""

from __future__ import annotations

import pytest

from ordersaga.domain.result import OrderStatus
from tests.dashboard.browsing import FORM, Browser, forms_of, words_of
from tests.dashboard.conftest import Place
from tests.workflow.environment import OrderEnvironment, until

CANCEL = {"form": "cancel", "by": "Ada", "note": "called us"}


def decision(choice: str, **more: str) -> dict[str, str]:
    form = f"decide-reserve_inventory-{choice}"
    return {"form": form, "choice": choice, "step": "reserve_inventory", "by": "Ada"} | more


async def test_an_order_is_cancelled_in_its_hold(browser: Browser, held: Place, env: OrderEnvironment) -> None:
    order_id = await held()
    answer = await browser.post(f"/orders/{order_id}/cancel", CANCEL)
    assert (answer.status, answer.headers["location"]) == (303, f"/orders/{order_id}?flash=cancelled")
    message = words_of((await browser.get(answer.headers["location"])).text)
    assert "The order is cancelled." in message
    assert "called us (Ada)" in message
    assert (await env.orders.result(order_id)).status is OrderStatus.CANCELLED


async def test_a_cancel_after_the_end_comes_too_late(browser: Browser, completed: Place) -> None:
    order_id = await completed()
    answer = await browser.post(f"/orders/{order_id}/cancel", CANCEL)
    assert "The cancellation came too late." in (await browser.get(answer.headers["location"])).text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "null"},
        {"origin": ""},
    ],
)
async def test_what_another_site_sends_is_refused(
    browser: Browser, held: Place, env: OrderEnvironment, headers: dict[str, str]
) -> None:
    order_id = await held()
    assert (await browser.post(f"/orders/{order_id}/cancel", CANCEL, **headers)).status == 403
    assert not (await env.orders.get_order_status(order_id)).is_end
    assert (await env.orders.get_order(order_id)).cancel_reason is None


async def test_a_form_without_an_origin_is_refused(browser: Browser, held: Place, env: OrderEnvironment) -> None:
    order_id = await held()
    answer = await browser.api.call("POST", f"/orders/{order_id}/cancel", raw=b"by=Ada&note=x", content_type=FORM)
    assert answer.status == 403
    assert (await env.orders.get_order(order_id)).cancel_reason is None


async def test_a_decision_that_lacks_something_reports_it_and_keeps_what_was_typed(
    browser: Browser, parked: str
) -> None:
    for missing, problem in ({"note": " "}, "give a reason"), ({"by": " ", "note": "gone"}, "Enter your name"):
        answer = await browser.post(f"/orders/{parked}/decisions", decision("write_off", **missing))
        assert answer.status == 409
        assert problem in words_of(answer.text)
        assert '<details class="action" id="decide-reserve_inventory-write_off" open>' in answer.text
        assert f'value="{missing["note"]}"' in answer.text or 'value="Ada"' in answer.text


async def test_a_parked_step_is_decided_on_once(browser: Browser, parked: str, env: OrderEnvironment) -> None:
    answer = await browser.post(f"/orders/{parked}/decisions", decision("write_off", note="the goods are gone"))
    assert answer.headers["location"] == f"/orders/{parked}?flash=decided"
    assert (await env.orders.result(parked)).status is OrderStatus.CANCELLED

    async def received() -> bool:
        return "Written off by Ada: the goods are gone" in words_of((await browser.get(f"/orders/{parked}")).text)

    await until(received)
    late = await browser.post(f"/orders/{parked}/decisions", decision("done_by_hand", note="ticket 7"))
    assert late.status == 409
    assert "Not done." in late.text
    assert forms_of(late.text) == []


async def test_a_form_that_no_page_has_is_refused(browser: Browser, parked: str, env: OrderEnvironment) -> None:
    for fields in (decision("explode"), decision("go_forward", note="x"), decision("retry", by="A" * 101), {}):
        answer = await browser.post(f"/orders/{parked}/decisions", fields)
        assert answer.status == 409
        assert "Nothing was changed" in answer.text
    assert await env.orders.get_order_status(parked) is OrderStatus.NEEDS_ATTENTION


async def test_the_books_are_checked_when_somebody_asks(browser: Browser) -> None:
    assert "Checks that every order" in (await browser.get("/totals")).text
    assert (await browser.post("/totals/books", {})).headers["location"] == "/totals#books"

    async def judged() -> bool:
        return "alanced" in words_of((await browser.get("/totals")).text)

    await until(judged, 60)
