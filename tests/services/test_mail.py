"""The notification service with a real mail server: each email is sent once, whatever the mail server does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import aiohttp
import pytest

from tests.services.api import Answer, Api
from tests.services.harness import Database, mortal, serving
from tests.services.mail import Mailbox, closed_port, mail_server, port_of
from tests.services.pairs import NOTIFICATION

PATIENCE = 20.0
_markers = count(1)


@asynccontextmanager
async def mailing(books: Database, http: aiohttp.ClientSession, port: int) -> AsyncIterator[Api]:
    """The notification service alone, with a mail server on this port."""
    async with serving(books, f"smtp://127.0.0.1:{port}", ["notification"]) as url:
        yield Api(http, url)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition, with a time limit."""
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


async def reaches(api: Api, order_id: str, state: str, notices: int = 0) -> None:
    """Wait until the order's email is in this state and has this many notices."""

    async def there() -> bool:
        (entry,) = await NOTIFICATION.entries(api, order_id)
        return (entry["state"], entry["notices"]) == (state, notices)

    await until(there)


async def settled(api: Api, mailbox: Mailbox) -> None:
    """Send a later email and wait for it: everything before it in the outbox has had its turn."""
    name = f"marker-{next(_markers)}"
    await NOTIFICATION.do(api, name)
    await reaches(api, name, "sent")
    mailbox.data -= 1
    mailbox.mails[:] = [mail for mail in mailbox.mails if name not in mail["Subject"]]


@pytest.fixture
def mailbox() -> Mailbox:
    """The mailbox that receives the emails."""
    return Mailbox()


@pytest.fixture
async def post(mailbox: Mailbox, books: Database, http: aiohttp.ClientSession) -> AsyncIterator[Api]:
    """The notification service with a mail server that works."""
    async with mail_server(mailbox) as port, mailing(books, http, port) as api:
        yield api


async def test_an_email_is_sent_once_with_the_right_text(post: Api, mailbox: Mailbox) -> None:
    answers = await asyncio.gather(*(NOTIFICATION.do(post, "m1") for _ in range(10)))
    assert answers == [Answer(202, {"message_id": "msg-m1"})] * 10
    await reaches(post, "m1", "sent")
    await settled(post, mailbox)
    (mail,) = mailbox.mails
    assert mailbox.envelopes[0] == ("orders@localhost", ["ada@example.com"])
    assert (mail["From"], mail["To"]) == ("orders@localhost", "ada@example.com")
    assert "m1" in mail["Subject"]
    assert [mail["Subject"]] == [entry["subject"] for entry in await NOTIFICATION.entries(post, "m1")]
    assert mail["Date"]
    assert mail["Message-ID"]
    for received in ("m1", "19.99 USD", "TRK-1"):
        assert received in mail.get_content()
    assert mailbox.data == 1


async def test_a_sent_email_is_followed_by_one_notice_however_often_asked(post: Api, mailbox: Mailbox) -> None:
    done = await NOTIFICATION.do(post, "m2")
    await reaches(post, "m2", "sent")
    assert await NOTIFICATION.do(post, "m2") == done
    for _ in range(2):
        answers = await asyncio.gather(*(NOTIFICATION.undo_it(post, "m2") for _ in range(5)))
        assert answers == [Answer(200, {"status": "notice_sent"})] * 5
    await until(lambda: _is(len(mailbox.mails) == 2))
    await reaches(post, "m2", "sent", notices=1)
    await settled(post, mailbox)
    confirmation, notice = mailbox.mails
    assert notice["To"] == "ada@example.com"
    assert notice["Subject"] != confirmation["Subject"]
    assert "cancel" in (notice["Subject"] + notice.get_content()).lower()
    assert notice["Message-ID"] != confirmation["Message-ID"]
    assert mailbox.data == 2
    assert (await NOTIFICATION.do(post, "m2")).type == "Fenced"


async def test_nothing_in_the_data_becomes_a_header(post: Api, mailbox: Mailbox) -> None:
    answer = await NOTIFICATION.do(
        post, "m3", data={"order_id": "m3\r\nBcc: eve@example.com", "x": "\r\n.\r\nQUIT\r\n"}
    )
    if answer.status == 202:
        await reaches(post, "m3", "sent")
        (mail,) = mailbox.mails
        assert mail["Bcc"] is None
        assert mailbox.envelopes[0][1] == ["ada@example.com"]
    else:
        assert answer.status in (400, 422)


async def test_a_mail_server_that_is_down_gets_the_email_once_when_it_is_up(
    mailbox: Mailbox, books: Database, http: aiohttp.ClientSession
) -> None:
    at = closed_port()
    async with mailing(books, http, port_of(at)) as api:
        assert (await NOTIFICATION.do(api, "m4")).status == 202
        assert await NOTIFICATION.states(api, "m4") == ["queued"]
        async with mail_server(mailbox, at):
            await reaches(api, "m4", "sent")
            await settled(api, mailbox)
    assert (mailbox.data, len(mailbox.mails)) == (1, 1)


async def test_an_email_recalled_while_the_mail_server_is_down_is_never_sent(
    mailbox: Mailbox, books: Database, http: aiohttp.ClientSession
) -> None:
    at = closed_port()
    async with mailing(books, http, port_of(at)) as api:
        await NOTIFICATION.do(api, "m5")
        assert (await NOTIFICATION.undo_it(api, "m5")).body == {"status": "recalled"}
        async with mail_server(mailbox, at):
            await settled(api, mailbox)
            assert await NOTIFICATION.states(api, "m5") == ["recalled"]
    assert mailbox.data == 0


async def test_a_waiting_email_is_sent_after_a_restart(
    mailbox: Mailbox, books: Database, http: aiohttp.ClientSession
) -> None:
    at = closed_port()
    async with mailing(books, http, port_of(at)) as api:
        await NOTIFICATION.do(api, "m6")
    async with mail_server(mailbox, at) as port:
        async with mailing(books, http, port) as api:
            await reaches(api, "m6", "sent")
            await settled(api, mailbox)
        async with mailing(books, http, port) as api:
            await settled(api, mailbox)
            assert await NOTIFICATION.states(api, "m6") == ["sent"]
    assert len(mailbox.mails) == 1


async def test_a_lost_answer_to_an_email_is_a_failure_and_never_a_second_email(post: Api, mailbox: Mailbox) -> None:
    async def vanish(box: Mailbox) -> str:
        box.hang_up()
        return "250 OK"

    mailbox.verdict = vanish
    await NOTIFICATION.do(post, "m7")
    await reaches(post, "m7", "failed")
    mailbox.verdict = Mailbox().verdict
    await settled(post, mailbox)
    assert mailbox.data == 1
    assert await NOTIFICATION.states(post, "m7") == ["failed"]
    for _ in range(2):
        assert (await NOTIFICATION.undo_it(post, "m7")).body == {"status": "notice_sent"}, "it may have arrived"
    await settled(post, mailbox)
    assert mailbox.data == 2


async def test_an_email_that_is_refused_for_good_fails(post: Api, mailbox: Mailbox) -> None:
    async def refuse(_: Mailbox) -> str:
        return "550 no such user"

    mailbox.verdict = refuse
    await NOTIFICATION.do(post, "m8")
    await reaches(post, "m8", "failed")
    mailbox.verdict = Mailbox().verdict
    await settled(post, mailbox)
    assert await NOTIFICATION.states(post, "m8") == ["failed"]
    assert (await NOTIFICATION.undo_it(post, "m8")).body == {"status": "nothing_to_recall"}
    await settled(post, mailbox)
    assert mailbox.data == 1


async def test_a_deferred_email_is_sent_once_later(post: Api, mailbox: Mailbox) -> None:
    async def put_off(box: Mailbox) -> str:
        return "451 try again later" if box.data == 1 else "250 OK"

    mailbox.verdict = put_off
    await NOTIFICATION.do(post, "m9")
    await reaches(post, "m9", "sent")
    await settled(post, mailbox)
    assert (mailbox.data, len(mailbox.mails)) == (2, 1)


async def test_a_recall_while_the_email_is_under_way_misses_nothing(post: Api, mailbox: Mailbox) -> None:
    gate = asyncio.Event()

    async def wait(box: Mailbox) -> str:
        await gate.wait()
        return "250 OK"

    mailbox.verdict = wait
    await NOTIFICATION.do(post, "m10")
    await until(lambda: _is(mailbox.data == 1))
    recall = asyncio.create_task(NOTIFICATION.undo_it(post, "m10"))
    await asyncio.wait({recall}, timeout=0.3)
    gate.set()
    assert (await recall).body == {"status": "notice_sent"}
    await reaches(post, "m10", "sent", notices=1)
    await settled(post, mailbox)
    assert len(mailbox.mails) == 2
    assert (await NOTIFICATION.do(post, "m10")).type == "Fenced"


async def test_a_kill_while_an_email_is_under_way_sends_no_second_one(
    mailbox: Mailbox, books: Database, http: aiohttp.ClientSession
) -> None:
    never = asyncio.Event()

    async def hold(_: Mailbox) -> str:
        await never.wait()
        return "250 OK"

    mailbox.verdict = hold
    async with mail_server(mailbox) as port:
        async with mortal(books, f"smtp://127.0.0.1:{port}") as (url, process):
            assert (await NOTIFICATION.do(Api(http, url), "m11")).status == 202
            await until(lambda: _is(mailbox.data == 1))
            process.kill()
            await process.wait()
        mailbox.verdict = Mailbox().verdict
        async with mailing(books, http, port) as api:
            await reaches(api, "m11", "failed")
            await settled(api, mailbox)
            assert (await NOTIFICATION.undo_it(api, "m11")).body == {"status": "notice_sent"}, "it may have arrived"
    assert mailbox.data >= 1
    assert [mail for mail in mailbox.mails if "cancelled" not in mail["Subject"]] == []


async def test_a_customer_without_an_address_gets_no_email(post: Api, mailbox: Mailbox) -> None:
    answer = await NOTIFICATION.do(post, "m12", to="customer:customer-1")
    assert (answer.status, answer.type) == (422, "UndeliverableMail")
    await settled(post, mailbox)
    assert mailbox.data == 0


async def _is(condition: bool) -> bool:
    return condition
