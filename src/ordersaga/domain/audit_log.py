"""The audit log: what people did to orders, and the notes that they wrote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ordersaga.domain.result import Answer


class AuditKind(StrEnum):
    """The kind of action that a person took."""

    DECISION = "decision"
    NOTE = "note"
    CANCEL_REQUESTED = "cancel_requested"


class OrderNote(Answer):
    """A person's note on an order. It never changes."""

    note_id: str
    by: str
    text: str
    at: datetime


class AuditItem(Answer):
    """One action by a person. `kind` is an AuditKind, or a kind from a later version.

    A decision has `step`, `undoing`, `choice` and `note`; a note has `text`; a cancellation has `reason`. `by` is None
    where the sender of a cancellation gave no name, as another SDK may.
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
    """A page of the audit log, newest first. `next` is the cursor of the next page, or None on the last page."""

    items: list[AuditItem]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which audit entries to list: those that match every given field."""

    order_id: str | None = None
    by: str | None = None
    kind: AuditKind | None = None
