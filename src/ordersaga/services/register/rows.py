"""The register's rows: finding those of an order, and converting them to the contract's models."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import to_json

from ordersaga.contracts.register import (
    Attention,
    DecisionRecord,
    Ending,
    EventRecord,
    NoteRecord,
    OrderEntry,
    OrderRecord,
    Standing,
)
from ordersaga.domain.errors import NotFound, NotYours
from ordersaga.domain.money import Money
from ordersaga.services.kit.store import Lock, Row, Transaction, Value

STANDING = "order_id, owner, currency, state, accepted_at, decisions, ending_status, ending_run_id, ended_at"
"""The columns of a Standing."""

ENTRY = (
    "a.seq, a.order_id, a.owner, a.customer_id, a.email, a.amount_minor, a.currency, a.task_queue, a.state, a.status, "
    "a.tracking_number, a.refusal, a.error, a.attention, a.attention_since, a.accepted_at, a.ended_at"
)
"""The columns of an OrderEntry."""

_FIND = f"SELECT {STANDING}, status, progress_run_id, progress_number FROM accepted_order WHERE order_id = ?"  # noqa: S608
_RECORD = f"""
SELECT {ENTRY}, a.unwind_reason, a.ending_status, a.ending_run_id FROM accepted_order a WHERE a.order_id = ?
"""  # noqa: S608
_ADD_DOCUMENT = "INSERT INTO order_document (order_id, kind, content) VALUES (?, ?, ?)"
_RESULT = "SELECT content FROM order_document WHERE order_id = ? AND kind = 'result'"
_DOCUMENTS = "SELECT kind, content FROM order_document WHERE order_id = ?"
_EVENTS = "SELECT run_id, number, at, kind, data FROM order_event WHERE order_id = ?"
_DECISIONS = """
SELECT decision_id, step, undoing, choice, decided_by, note, at, run_id FROM order_decision WHERE order_id = ?
ORDER BY seq
"""
_NOTES = "SELECT note_id, written_by, content, at FROM order_note WHERE order_id = ? ORDER BY seq"


def to_text(value: dict[str, Any]) -> str:
    """A JSON object as it is stored."""
    return to_json(value).decode()


async def add_document(tx: Transaction, order_id: str, kind: str, content: dict[str, Any]) -> None:
    """Store the accepted order, or its result."""
    await tx.execute(_ADD_DOCUMENT, order_id, kind, to_text(content))


async def find(tx: Transaction, order_id: str, owner: str | None = None, lock: Lock | None = None) -> Row:
    """The order's row. Raises NotFound, and NotYours if it does not belong to `owner`, if one is given."""
    row = await tx.fetch_one(_FIND, order_id, lock=lock)
    if row is None:
        raise NotFound(f"The register has no order {order_id}.")
    if owner not in (None, row["owner"]):
        raise NotYours(f"Order {order_id} belongs to another owner. This request was rejected and changed nothing.")
    return row


async def standing(tx: Transaction, row: Row, result: dict[str, Any] | None = None) -> Standing:
    """The state of the order in this row. `result` is read unless it is given."""
    order_id = row["order_id"]
    if result is None:
        stored = await tx.fetch_one(_RESULT, order_id) if row["ended_at"] else None
        result = json.loads(stored["content"]) if stored else {}
    return Standing(
        order_id=order_id,
        owner=row["owner"],
        state=row["state"],
        accepted_at=row["accepted_at"],
        decisions=await _decisions(tx, order_id) if row["decisions"] else [],
        ending=_ending(row, result),
    )


async def record(tx: Transaction, order_id: str) -> OrderRecord:
    """Everything about an order. Raises NotFound."""
    row = await tx.fetch_one(_RECORD, order_id)
    if row is None:
        raise NotFound(f"The register has no order {order_id}.")
    documents = {each["kind"]: json.loads(each["content"]) for each in await tx.fetch_all(_DOCUMENTS, order_id)}
    return OrderRecord(
        **entry_fields(row),
        order=documents["order"],
        unwind_reason=row["unwind_reason"],
        ending=_ending(row, documents.get("result", {})),
        events=await _events(tx, order_id),
        decisions=await _decisions(tx, order_id),
        notes=[
            NoteRecord(note_id=note["note_id"], by=note["written_by"], text=note["content"], at=note["at"])
            for note in await tx.fetch_all(_NOTES, order_id)
        ],
    )


def entry(row: Row) -> OrderEntry:
    """One order in a list."""
    return OrderEntry(**entry_fields(row))


def entry_fields(row: Row) -> dict[str, Any]:
    """The fields of an order that a list shows too."""
    same = (
        *("order_id", "owner", "customer_id", "email", "currency", "task_queue", "state", "status"),
        *("tracking_number", "refusal", "error", "accepted_at", "ended_at"),
    )
    return {
        **{name: row[name] for name in same},
        "amount": Money(row["amount_minor"], row["currency"]).amount,
        "attention": Attention.model_validate_json(row["attention"]) if row["attention"] else None,
    }


def attention_values(attention: Attention | None, currency: str) -> tuple[Value, ...]:
    """The values of the columns attention, attention_kind, attention_since and at_risk_minor."""
    if attention is None:
        return None, None, None, None
    try:
        at_risk = Money.parse(attention.amount_at_risk, currency).minor
    except ValueError:
        at_risk = None
    since = attention.since.isoformat(timespec="microseconds")
    return attention.model_dump_json(), attention.kind, since, at_risk


def _ending(row: Row, result: dict[str, Any]) -> Ending | None:
    if row["ended_at"] is None:
        return None
    return Ending(status=row["ending_status"], result=result, run_id=row["ending_run_id"], at=row["ended_at"])


async def _events(tx: Transaction, order_id: str) -> list[EventRecord]:
    """The events by time. Those with the same time are ordered by run, the earliest run first, and by number."""
    rows = await tx.fetch_all(_EVENTS, order_id)
    began: dict[str, str] = {}
    for row in rows:
        began[row["run_id"]] = min(row["at"], began.get(row["run_id"], row["at"]))
    rows.sort(key=lambda row: (row["at"], began[row["run_id"]], row["run_id"], row["number"]))
    return [
        EventRecord(
            number=row["number"],
            at=row["at"],
            kind=row["kind"],
            data=json.loads(row["data"]),
            run_id=row["run_id"],
        )
        for row in rows
    ]


async def _decisions(tx: Transaction, order_id: str) -> list[DecisionRecord]:
    return [
        DecisionRecord(
            decision_id=row["decision_id"],
            step=row["step"],
            undoing=bool(row["undoing"]),
            choice=row["choice"],
            by=row["decided_by"],
            note=row["note"],
            at=row["at"],
            run_id=row["run_id"],
        )
        for row in await tx.fetch_all(_DECISIONS, order_id)
    ]
