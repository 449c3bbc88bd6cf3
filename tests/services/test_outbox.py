"""What the HTTP tests cannot reach in the outbox: a process that ends between an attempt's start and its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from itertools import chain

import pytest

from ordersaga.contracts.notification import NotificationRequest, Template
from ordersaga.domain.errors import InProgress
from ordersaga.services.kit.store import Store
from ordersaga.services.main import store_of
from ordersaga.services.notification import outbox
from ordersaga.services.notification.outbox import Mail, Outcome
from ordersaga.services.notification.sender import Sender
from tests.services.harness import Database, url_of

REQUEST = NotificationRequest(
    message_id="msg-1", order_id="1", to="ada@example.com", template=Template.ORDER_CONFIRMATION
)
LATER = "2099-01-01"
begin = partial(outbox.begin_next, claim="one", until=LATER)


@pytest.fixture
async def store(books: Database) -> AsyncIterator[Store]:
    """An empty outbox."""
    store = store_of("notification", url_of(books))
    store.migrate()
    async with store.lifespan():
        yield store


@pytest.fixture
async def mail(store: Store) -> Mail:
    """An email whose sending has begun."""
    await store.write(lambda tx: outbox.queue(tx, REQUEST, mail_server=True))
    mail = await store.write(begin)
    assert mail is not None
    assert (mail.message_id, mail.attempts) == ("msg-1", 1)
    return mail


async def state(store: Store) -> tuple[str, int]:
    entry = await outbox.TABLE.one(store, "msg-1")
    return entry.state, entry.notices


async def record_outcome(store: Store, mail: Mail, outcome: Outcome) -> None:
    await store.write(partial(outbox.record_outcome, mail=mail, outcome=outcome, next_attempt_at="2026-01-01"))


async def test_an_email_that_is_being_sent_cannot_be_recalled_yet_nor_sent_twice(store: Store, mail: Mail) -> None:
    with pytest.raises(InProgress):
        await store.write(lambda tx: outbox.recall(tx, "msg-1"))
    assert await store.write(partial(begin, claim="two")) is None
    assert await state(store) == ("queued", 0)


async def test_a_claim_whose_commit_was_not_confirmed_returns_the_same_email(store: Store, mail: Mail) -> None:
    assert await store.write(begin) == mail
    await record_outcome(store, mail, Outcome("sent"))
    assert await store.write(begin) is None


async def test_two_senders_at_once_take_each_email_once(store: Store) -> None:
    for number in range(20):
        request = REQUEST.model_copy(update={"message_id": f"msg-{number}"})
        await store.write(partial(outbox.queue, request=request, mail_server=True))

    async def sender(name: str) -> list[str]:
        taken: list[str] = []
        while mail := await store.write(partial(begin, claim=f"{name}{len(taken)}")):
            taken.append(mail.message_id)
        return taken

    taken = await asyncio.gather(*(sender(name) for name in "abcd"))
    assert sorted(chain(*taken)) == sorted(f"msg-{number}" for number in range(20))


async def test_what_should_have_ended_has_failed_and_is_not_sent_again(store: Store, mail: Mail) -> None:
    await store.write(partial(outbox.give_up_interrupted, due_before="2098"))
    assert await state(store) == ("queued", 0), "its process may still be at it"
    await store.write(partial(outbox.still_sending, mail=mail, until="2026-01-01"))
    async with Sender(store, None).lifespan():
        assert await state(store) == ("failed", 0)
        assert "not sent again" in ((await outbox.TABLE.one(store, "msg-1")).reason or "")
        assert await store.write(partial(begin, claim="two")) is None


@pytest.mark.parametrize("looked", [True, False])
async def test_after_a_crash_a_recall_sends_a_notice_because_the_email_may_have_been_sent(
    store: Store, mail: Mail, looked: bool
) -> None:
    await store.write(partial(outbox.still_sending, mail=mail, until="2026-01-01"))
    if looked:
        await store.write(outbox.give_up_interrupted)
    answer = await store.write(lambda tx: outbox.recall(tx, "msg-1"))
    assert "notice_sent" in answer.body
    assert await state(store) == ("failed", 1)
    notice = await store.write(partial(begin, claim="two"))
    assert notice is not None
    assert (notice.recipient, notice.subject) == ("ada@example.com", "Your order 1 was cancelled")


async def test_a_sender_that_was_only_slow_still_records_that_the_email_was_sent(store: Store, mail: Mail) -> None:
    await store.write(outbox.give_up_interrupted)
    await record_outcome(store, mail, Outcome("sent"))
    assert await state(store) == ("sent", 0)


@pytest.mark.parametrize("outcome", [Outcome("queued", "later"), Outcome("failed", "no such user")])
async def test_a_sender_that_was_only_slow_cannot_requeue_an_email(store: Store, mail: Mail, outcome: Outcome) -> None:
    await store.write(outbox.give_up_interrupted)
    await record_outcome(store, mail, outcome)
    assert await state(store) == ("failed", 0)
    assert await store.write(partial(begin, claim="two")) is None
