"""The notification service's contract: emails and their recall."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from ordersaga.contracts.common import DoRequest, EffectId, Entry, Reply
from ordersaga.domain.order import OrderId
from ordersaga.domain.text import Printable


class NotificationState(StrEnum):
    """The state of an email. `failed`: the mail server rejected it, or its answer was lost."""

    QUEUED = "queued"
    SENT = "sent"
    RECALLED = "recalled"
    FAILED = "failed"


class Template(StrEnum):
    """The kinds of emails."""

    ORDER_CONFIRMATION = "order_confirmation"


DataText = Annotated[str, StringConstraints(max_length=1_000)]


class NotificationRequest(DoRequest):
    """POST /notifications: at most one email per message_id."""

    substance: ClassVar[frozenset[str]] = frozenset({"to", "template"})

    message_id: EffectId
    order_id: OrderId
    to: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=254), Printable]
    template: Template
    data: Annotated[dict[DataText, DataText], Field(max_length=20)] = {}


class NotificationAnswer(Reply):
    """202 to POST /notifications."""

    message_id: str


class RecallStatus(StrEnum):
    """The result of a recall. `notice_sent`: the email was already sent, so one cancellation notice follows it."""

    RECALLED = "recalled"
    NOTICE_SENT = "notice_sent"
    NOTHING_TO_RECALL = "nothing_to_recall"


class RecallAnswer(Reply):
    """200 to POST /notifications/{id}/recall."""

    status: RecallStatus


class NotificationEntry(Entry):
    """One email. `notices` is the number of cancellation notices that followed it: 0 or 1.

    `reason` says why the email failed or has not been sent yet. `body` is its text.
    """

    message_id: str
    state: NotificationState
    to: str
    subject: str
    notices: int = 0
    reason: str | None = None
    body: str = ""
