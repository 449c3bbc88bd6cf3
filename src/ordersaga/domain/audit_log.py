"""What people did to orders, as the audit has it, and the notes that they wrote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ordersaga.domain.result import Answer


class AuditKind(StrEnum):
    """What a person did."""

    DECISION = "decision"
    NOTE = "note"
    CANCEL_REQUESTED = "cancel_requested"


class OrderNote(Answer):
    """What a person has noted on an order. It never changes."""

    note_id: str
    by: str
    text: str
    at: datetime


class AuditItem(Answer):
    """Something that a person did. `kind` is one of AuditKind, or one of a later version.

    A decision has `step`, `undoing`, `choice` and `note`; a note has `text`; a request to cancel has `reason`. `by` is
    not known of a cancel whose sender has not said it, such as one by another SDK.
    """

    order_id: str
    at: datetime
    by: str | None = None
    kind: str
    step: str | None = None
    undoing: bool | None = None
    choice: str | None = None
    note: str | None = None
    text: str | None = None
    reason: str | None = None


class AuditPage(Answer):
    """Some of what people did, newest first. `next` is the cursor to ask for more with, or None at the end."""

    items: list[AuditItem]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries of the audit: those that all given fields fit."""

    order_id: str | None = None
    by: str | None = None
    kind: AuditKind | None = None
