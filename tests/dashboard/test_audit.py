"""Notes on an order's page, and the page of the audit log."""

from __future__ import annotations

import re

from tests.api.harness import Api
from tests.dashboard.browsing import Browser, words_of
from tests.dashboard.conftest import Place
from tests.workflow.environment import until

NOTE = {"form": "note", "by": "Ada", "note": "send it on Monday"}


async def test_a_note_is_written_and_shown_with_who_wrote_it_also_after_the_end(
    browser: Browser, completed: Place
) -> None:
    order_id = await completed()
    page = (await browser.get(f"/orders/{order_id}")).text
    note_id = re.findall(r'name="note_id" value="([^"]+)"', page)[0]
    for _ in range(2):
        answer = await browser.post(f"/orders/{order_id}/notes", NOTE | {"note_id": note_id})
        assert answer.headers["location"] == f"/orders/{order_id}?flash=noted"
    message = words_of((await browser.get(answer.headers["location"])).text)
    assert "The note was saved." in message
    assert message.count("send it on Monday Ada") == 1

    wrong = await browser.post(f"/orders/{order_id}/notes", NOTE | {"by": " "})
    assert (wrong.status, "Enter your name" in wrong.text) == (409, True)
    assert "send it on Monday</textarea>" in wrong.text


async def test_the_audit_says_who_did_what_on_which_order(browser: Browser, parked: str) -> None:
    await browser.post(f"/orders/{parked}/notes", NOTE | {"by": f"Ada-{parked}"})
    form = "decide-reserve_inventory-write_off"
    decision = {"form": form, "choice": "write_off", "step": "reserve_inventory", "by": "Grace", "note": "gone"}
    await browser.post(f"/orders/{parked}/decisions", decision)

    async def audit(query: str) -> str:
        return words_of((await browser.get(f"/audit?{query}")).text)

    message = await until(lambda: audit(f"order_id={parked}"))
    assert re.search(r"Grace Written off: Release the stock gone .* Ada-\S+ Note send it on Monday", message), message
    assert "Written off" not in (await audit(f"by=Ada-{parked}")).partition("Action Order")[2]
    assert "Note" not in (await audit(f"order_id={parked}&kind=decision")).partition("Action Order")[2]
    assert "No entries match" in await audit("by=nobody-at-all")
    assert "No entries match" in await audit("order_id=../nonsense")


async def test_the_audit_is_for_those_who_have_signed_in(guarded: dict[str, Api]) -> None:
    answer = await Browser(guarded["nobody"]).get("/audit")
    assert (answer.status, answer.headers["location"]) == (303, "/sign-in?next=%2Faudit")
