"""The notification service without a mail server: the outbox, and the recall of queued emails."""

from __future__ import annotations

import pytest

from tests.services.api import Answer, Api
from tests.services.conftest import one_database
from tests.services.pairs import NOTIFICATION

MAILS = "/notification/notifications"


async def test_an_email_waits_in_the_outbox(api: Api, order_id: str) -> None:
    assert await NOTIFICATION.do(api, order_id) == Answer(202, {"message_id": f"msg-{order_id}"})
    (entry,) = await NOTIFICATION.entries(api, order_id)
    assert (entry["message_id"], entry["order_id"], entry["state"]) == (f"msg-{order_id}", order_id, "queued")
    assert (entry["to"], entry["notices"]) == ("ada@example.com", 0)
    assert order_id in entry["subject"]
    assert order_id in entry["body"]


async def test_the_newest_emails_can_be_read_first_page_by_page(api: Api, order_id: str) -> None:
    written = [f"{order_id}-{number}" for number in range(3)]
    for each in written:
        await NOTIFICATION.do(api, each)
    first = (await api.get(f"{MAILS}?newest_first=true&limit=2")).body
    assert [entry["order_id"] for entry in first["items"]] == written[:0:-1]
    second = (await api.get(f"{MAILS}?newest_first=true&limit=1&cursor={first['next']}")).body
    assert [entry["order_id"] for entry in second["items"]] == written[:1]


async def test_emails_can_be_read_by_their_state(api: Api, order_id: str) -> None:
    await NOTIFICATION.do(api, order_id)
    for state, expected in (("queued", [order_id]), ("sent", [])):
        page = (await api.get(f"{MAILS}?order_id={order_id}&state={state}")).body
        assert [entry["order_id"] for entry in page["items"]] == expected


async def test_a_queued_email_is_recalled_without_a_notice(api: Api, order_id: str) -> None:
    await NOTIFICATION.do(api, order_id)
    assert await NOTIFICATION.undo_it(api, order_id) == Answer(200, {"status": "recalled"})
    (entry,) = await NOTIFICATION.entries(api, order_id)
    assert (entry["state"], entry["notices"]) == ("recalled", 0)


@pytest.mark.parametrize(
    "to",
    ["nobody", "a@", "@b", "a b@example.com", "a@b@c", "<a@b>", "a@b,c@d", "a@b\r\nBcc: c@d", "a@b\nX: y", "a\u0000@b"],
)
@one_database
async def test_what_is_not_an_email_address_is_refused(api: Api, order_id: str, to: str) -> None:
    answer = await NOTIFICATION.do(api, order_id, to=to)
    assert answer.status in (400, 422)
    assert "queued" not in await NOTIFICATION.states(api, order_id)


async def test_a_customer_without_an_address_has_an_email_in_the_outbox(api: Api, order_id: str) -> None:
    """Without a mail server, nothing is sent anyway."""
    assert (await NOTIFICATION.do(api, order_id, to="customer:customer-1")).status == 202
    assert await NOTIFICATION.states(api, order_id) == ["queued"]


@pytest.mark.parametrize("to", ["ada@example.com", "a.b+c@sub.example.co.uk", "ada@localhost", "grüße@example.com"])
@one_database
async def test_an_email_address_is_taken(api: Api, order_id: str, to: str) -> None:
    assert (await NOTIFICATION.do(api, order_id, to=to)).status == 202
    assert [entry["to"] for entry in await NOTIFICATION.entries(api, order_id)] == [to]
