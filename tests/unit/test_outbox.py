"""What the HTTP tests cannot reach of the outbox: a process that ends between an attempt's begin and its outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from importlib.resources import files
from pathlib import Path

import pytest

from ordersaga.contracts.notification import NotificationRequest, Template
from ordersaga.domain.errors import InProgress
from ordersaga.services.kit.sqlite import SqliteStore
from ordersaga.services.notification import outbox
from ordersaga.services.notification.outbox import Outcome
from ordersaga.services.notification.sender import Sender

REQUEST = NotificationRequest(
    message_id="msg-1", order_id="1", to="ada@example.com", template=Template.ORDER_CONFIRMATION
)
SENT = partial(outbox.settle, message_id="msg-1", outcome=Outcome("sent"), next_attempt_at="2026-01-01")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """An outbox with one mail whose sending has begun."""
    schema = files("ordersaga.services.notification").joinpath("schema.sql").read_text(encoding="utf-8")
    store = SqliteStore(tmp_path / "notification.db", schema)
    store.prepare()
    async with store.running():
        await store.write(lambda tx: outbox.queue(tx, REQUEST, mail_server=True))
        mail = await store.write(outbox.begin_next)
        assert mail is not None
        assert (mail.message_id, mail.attempts) == ("msg-1", 1)
        yield store


async def state(store: SqliteStore) -> tuple[str, int]:
    entry = await outbox.BOOK.one(store, "msg-1")
    return entry.state, entry.notices


async def test_a_mail_that_is_being_sent_cannot_be_recalled_yet_nor_sent_twice(store: SqliteStore) -> None:
    with pytest.raises(InProgress):
        await store.write(lambda tx: outbox.recall(tx, "msg-1"))
    assert await store.write(outbox.begin_next) is None
    assert await state(store) == ("queued", 0)


async def test_after_a_crash_it_has_failed_and_is_not_sent_again(store: SqliteStore) -> None:
    async with Sender(store, None).running():
        assert await state(store) == ("failed", 0)
        assert "not sent again" in ((await outbox.BOOK.one(store, "msg-1")).reason or "")
        assert await store.write(outbox.begin_next) is None


async def test_after_a_crash_a_recall_sends_a_notice_because_the_mail_may_be_out(store: SqliteStore) -> None:
    await store.write(outbox.settle_interrupted)
    answer = await store.write(lambda tx: outbox.recall(tx, "msg-1"))
    assert "notice_sent" in answer.body
    assert await state(store) == ("failed", 1)
    notice = await store.write(outbox.begin_next)
    assert notice is not None
    assert (notice.recipient, notice.subject) == ("ada@example.com", "Your order 1 was cancelled")


async def test_a_sender_that_was_only_slow_still_tells_that_the_mail_went_out(store: SqliteStore) -> None:
    await store.write(outbox.settle_interrupted)
    await store.write(SENT)
    assert await state(store) == ("sent", 0)
