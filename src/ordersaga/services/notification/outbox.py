"""The outbox. Each function runs in one transaction."""

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
"""The beginning of `to` if the order had no email address."""

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
_RECORD_OUTCOME = """
UPDATE mail SET state = ?, reason = ?, maybe_out = ?, next_attempt_at = ?
WHERE message_id = ? AND claim = ? AND state = 'sending'
"""
_SENT_AFTER_ALL = """
UPDATE mail SET state = 'sent', reason = NULL, maybe_out = 0 WHERE message_id = ? AND claim = ? AND maybe_out = 1
"""
_INTERRUPTED = """
UPDATE mail SET state = 'failed', maybe_out = 1,
    reason = 'The service ended while it sent this email. It may have been sent, so it is not sent again.'
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
    """An email to send. `attempts` includes this attempt, and `claim` identifies it."""

    message_id: str
    claim: str
    recipient: str
    subject: str
    body: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt.

    `maybe_out`: it is unknown whether the email was sent. `queued` means: try again later.
    """

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
TABLE = PagedTable(f"SELECT seq, {_COLUMNS} FROM notification", "message_id", _entry)  # noqa: S608
NEWEST_FIRST = PagedTable(f'SELECT -seq AS "-seq", {_COLUMNS} FROM notification', "message_id", _entry, key="-seq")  # noqa: S608
"""The same table, newest first. An index on -seq makes its pages as cheap as the others."""
NOTHING = reply(RecallAnswer(status=RecallStatus.NOTHING_TO_RECALL))


async def queue(tx: Transaction, request: NotificationRequest, mail_server: bool) -> Answer:
    """Put an email into the outbox. With a mail server, the recipient must be an email address."""
    text = render(request.template, request.order_id, request.data)
    deliverable = is_mail_address(request.to) or (not mail_server and is_customer(request.to))
    reason = None if deliverable else f"{request.to} is not an email address. Nothing was sent."
    await _insert(tx, request.message_id, request.order_id, request.to, text, reason=reason)
    if reason is not None:
        return refusal(UndeliverableMail(reason))
    return reply(NotificationAnswer(message_id=request.message_id), 202)


async def try_again(tx: Transaction, message_id: str) -> None:
    """Queue an email again that the mail server rejected. One that may have been sent is left alone."""
    await tx.execute(_AGAIN, now(), message_id)


async def recall(tx: Transaction, message_id: str) -> Answer:
    """Stop a queued email, or queue a cancellation notice after one that was sent or may have been.

    Raises InProgress while it is being sent.
    """
    mail = await tx.fetch_one(_FIND, message_id, lock="wait")
    if mail is None:
        raise NotFound(f"There is no {message_id}.")
    interrupted = mail["state"] == "sending" and mail["next_attempt_at"] <= now()
    if interrupted:
        await give_up_interrupted(tx, now())
    elif mail["state"] == "sending":
        raise InProgress(
            f"{message_id} is being sent at the moment. Nothing was recalled. Try again to learn the outcome."
        )
    if mail["state"] == "queued":
        await tx.execute(_RECALL, message_id)
        return reply(RecallAnswer(status=RecallStatus.RECALLED))
    if mail["state"] == "sent" or mail["maybe_out"] or interrupted:
        text = cancellation_notice(mail["order_id"])
        # Callers' message ids cannot contain "~", so a notice's id cannot collide with one.
        await _insert(tx, f"{message_id}~notice", mail["order_id"], mail["recipient"], text, notice_of=message_id)
        return reply(RecallAnswer(status=RecallStatus.NOTICE_SENT))
    return NOTHING


async def begin_next(tx: Transaction, claim: str, until: str) -> Mail | None:
    """Take the email that is due first, and record that its sending begins and until when it should have ended.

    With the same claim it returns the same email again, as long as that is being sent.
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
    """Record that the email is still being sent, and until when that should have ended."""
    await tx.execute(_STILL, until, mail.message_id, mail.claim)


async def record_outcome(tx: Transaction, mail: Mail, outcome: Outcome, next_attempt_at: str) -> None:
    """Record the outcome of an attempt. If the email was given up in the meantime, only a success still counts."""
    values = (outcome.state, outcome.reason, int(outcome.maybe_out), next_attempt_at)
    if not await tx.execute(_RECORD_OUTCOME, *values, mail.message_id, mail.claim) and outcome.state == "sent":
        await tx.execute(_SENT_AFTER_ALL, mail.message_id, mail.claim)


async def give_up_interrupted(tx: Transaction, due_before: str = _FOREVER) -> None:
    """Give up emails whose sending was interrupted by the end of a process, if it should have ended by `due_before`."""
    await tx.execute(_INTERRUPTED, due_before)


async def next_due(tx: Transaction) -> str | None:
    """When the next email is due or the sending of one should have ended, as stored."""
    row = await tx.fetch_one(_NEXT)
    return row["due"] if row else None


def is_mail_address(to: str) -> bool:
    """Whether an email can be sent to this recipient."""
    try:
        _email.validate_python(to)
    except ValidationError:
        return False
    return True


def is_customer(to: str) -> bool:
    """Whether this stands for a customer whose email address is unknown."""
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
