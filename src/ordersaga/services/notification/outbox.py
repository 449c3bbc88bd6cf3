"""The outbox: what happens to a mail in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from ordersaga.contracts.notification import (
    NotificationAnswer,
    NotificationEntry,
    NotificationRequest,
    RecallAnswer,
    RecallStatus,
)
from ordersaga.domain.errors import InProgress, NotFound, UndeliverableMail
from ordersaga.domain.order import Email
from ordersaga.services.kit.answer import Answer, refusal, reply
from ordersaga.services.kit.paged_table import PagedTable
from ordersaga.services.kit.store import Row, Transaction, now
from ordersaga.services.notification.templates import Text, cancellation_notice, render

CUSTOMER = "customer:"
"""What `to` begins with when the order came without a mail address."""

_INSERT = """
INSERT INTO mail (message_id, order_id, recipient, subject, body, state, reason, notice_of, next_attempt_at, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_FIND = "SELECT order_id, recipient, state, maybe_out, next_attempt_at FROM mail WHERE message_id = ?"
_RECALL = "UPDATE mail SET state = 'recalled' WHERE message_id = ?"
_DUE = """
SELECT message_id FROM mail WHERE state = 'queued' AND next_attempt_at <= ?
ORDER BY next_attempt_at, seq LIMIT 1
"""
_NEXT = "SELECT MIN(next_attempt_at) AS due FROM mail WHERE state IN ('queued', 'sending')"
_BEGIN = """
UPDATE mail SET state = 'sending', attempts = attempts + 1, claim = ?, next_attempt_at = ? WHERE message_id = ?
"""
_CLAIMED = "SELECT message_id, recipient, subject, body, attempts FROM mail WHERE state = 'sending' AND claim = ?"
_STILL = "UPDATE mail SET next_attempt_at = ? WHERE message_id = ? AND claim = ? AND state = 'sending'"
_SETTLE = """
UPDATE mail SET state = ?, reason = ?, maybe_out = ?, next_attempt_at = ?
WHERE message_id = ? AND claim = ? AND state = 'sending'
"""
_SENT_AFTER_ALL = """
UPDATE mail SET state = 'sent', reason = NULL, maybe_out = 0 WHERE message_id = ? AND claim = ? AND maybe_out = 1
"""
_INTERRUPTED = """
UPDATE mail SET state = 'failed', maybe_out = 1,
    reason = 'The service ended while it sent this mail. It may have gone out, so it is not sent again.'
WHERE state = 'sending' AND next_attempt_at <= ?
"""
_AGAIN = """
UPDATE mail SET state = 'queued', reason = NULL, next_attempt_at = ?
WHERE message_id = ? AND state = 'failed' AND maybe_out = 0 AND attempts > 0
"""
_FOREVER = "9999"

_email: TypeAdapter[str] = TypeAdapter(Email)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to be sent. `attempts` counts this one, and `claim` names it."""

    message_id: str
    claim: str
    recipient: str
    subject: str
    body: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. `maybe_out`: whether the mail went out is not known. `queued` means try again later."""

    state: Literal["sent", "failed", "queued"]
    reason: str | None = None
    maybe_out: bool = False


def _entry(row: Row) -> NotificationEntry:
    return NotificationEntry(
        message_id=row["message_id"],
        order_id=row["order_id"],
        state=row["state"],
        to=row["recipient"],
        subject=row["subject"],
        notices=row["notices"],
        reason=row["reason"],
        body=row["body"],
        created_at=row["created_at"],
    )


_COLUMNS = "message_id, order_id, recipient, subject, body, reason, state, notices, created_at"
BOOK = PagedTable(f"SELECT seq, {_COLUMNS} FROM notification", "message_id", _entry)  # noqa: S608
NEWEST_FIRST = PagedTable(f'SELECT -seq AS "-seq", {_COLUMNS} FROM notification', "message_id", _entry, key="-seq")  # noqa: S608
"""The same, read backwards. An index on -seq makes its pages as cheap as the others."""
NOTHING = reply(RecallAnswer(status=RecallStatus.NOTHING_TO_RECALL))


async def queue(tx: Transaction, request: NotificationRequest, mail_server: bool) -> Answer:
    """Put a mail in the outbox. With a mail server, only what has a mail address can be sent."""
    text = render(request.template, request.order_id, request.data)
    deliverable = is_mail_address(request.to) or (not mail_server and is_customer(request.to))
    reason = None if deliverable else f"{request.to} is no mail address. Nothing was sent."
    await _insert(tx, request.message_id, request.order_id, request.to, text, reason=reason)
    if reason is not None:
        return refusal(UndeliverableMail(reason))
    return reply(NotificationAnswer(message_id=request.message_id), 202)


async def try_again(tx: Transaction, message_id: str) -> None:
    """Have a mail that the mail server has refused sent again. One that may have gone out is left alone."""
    await tx.execute(_AGAIN, now(), message_id)


async def recall(tx: Transaction, message_id: str) -> Answer:
    """Stop a queued mail, or have a cancellation notice follow one that is out, or may be.

    Raises InProgress while it is being sent.
    """
    mail = await tx.fetch_one(_FIND, message_id, lock="wait")
    if mail is None:
        raise NotFound(f"There is no {message_id} in the books.")
    interrupted = mail["state"] == "sending" and mail["next_attempt_at"] <= now()
    if interrupted:
        await give_up_interrupted(tx, now())
    elif mail["state"] == "sending":
        raise InProgress(f"{message_id} is being sent at this moment. Ask again to learn how that ended.")
    if mail["state"] == "queued":
        await tx.execute(_RECALL, message_id)
        return reply(RecallAnswer(status=RecallStatus.RECALLED))
    if mail["state"] == "sent" or mail["maybe_out"] or interrupted:
        text = cancellation_notice(mail["order_id"])
        # "~" is in no message id of a caller, so a notice's id cannot collide with one.
        await _insert(tx, f"{message_id}~notice", mail["order_id"], mail["recipient"], text, notice_of=message_id)
        return reply(RecallAnswer(status=RecallStatus.NOTICE_SENT))
    return NOTHING


async def begin_next(tx: Transaction, claim: str, until: str) -> Mail | None:
    """Take the mail that is due first, and write down that its sending begins and by when it should have ended.

    With the same claim again it gives the same mail, as long as that is being sent.
    """
    row = await tx.fetch_one(_CLAIMED, claim)
    if row is None:
        due = await tx.fetch_one(_DUE, now(), lock="skip")
        if due is None:
            return None
        await tx.execute(_BEGIN, claim, until, due["message_id"])
        row = await tx.fetch_one(_CLAIMED, claim)
    assert row
    return Mail(row["message_id"], claim, row["recipient"], row["subject"], row["body"], row["attempts"])


async def still_sending(tx: Transaction, mail: Mail, until: str) -> None:
    """Say that the mail is still being sent, and by when that should have ended."""
    await tx.execute(_STILL, until, mail.message_id, mail.claim)


async def record_outcome(tx: Transaction, mail: Mail, outcome: Outcome, next_attempt_at: str) -> None:
    """Write down how an attempt ended. If it was given up meanwhile, only that it went out still counts."""
    values = (outcome.state, outcome.reason, int(outcome.maybe_out), next_attempt_at)
    if not await tx.execute(_SETTLE, *values, mail.message_id, mail.claim) and outcome.state == "sent":
        await tx.execute(_SENT_AFTER_ALL, mail.message_id, mail.claim)


async def give_up_interrupted(tx: Transaction, due_before: str = _FOREVER) -> None:
    """Give up the mails whose sending was cut off by the end of a process: those that should have ended by then."""
    await tx.execute(_INTERRUPTED, due_before)


async def next_due(tx: Transaction) -> str | None:
    """When the next mail is due, or the sending of one should have ended, as it stands in the books."""
    row = await tx.fetch_one(_NEXT)
    return row["due"] if row else None


def is_mail_address(to: str) -> bool:
    """Whether mail can be sent to this recipient."""
    try:
        _email.validate_python(to)
    except ValidationError:
        return False
    return True


def is_customer(to: str) -> bool:
    """Whether this stands for a customer whose mail address is not known."""
    return to.startswith(CUSTOMER) and len(to) > len(CUSTOMER) and to.isprintable()


async def _insert(
    tx: Transaction,
    message_id: str,
    order_id: str,
    recipient: str,
    text: Text,
    *,
    reason: str | None = None,
    notice_of: str | None = None,
) -> None:
    state, at = ("failed" if reason else "queued"), now()
    await tx.execute(
        _INSERT, message_id, order_id, recipient, text.subject, text.body, state, reason, notice_of, at, at
    )
