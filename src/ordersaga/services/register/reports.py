"""Stores reports of runs and people's decisions and notes.

Each function runs in one transaction and writes each item once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ordersaga.contracts.register import (
    DecisionRequest,
    EventRecord,
    NoteRecord,
    NoteRequest,
    ProgressRequest,
)
from ordersaga.services.kit.answer import Answer, reply
from ordersaga.services.kit.store import Row, Transaction, now
from ordersaga.services.register.rows import attention_values, find, standing, to_text

_ADD_EVENT = """
INSERT INTO order_event (order_id, run_id, number, at, kind, data) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_PROGRESS = """
UPDATE accepted_order SET progress_run_id = ?, progress_number = ?, status = ?, attention = ?, attention_kind = ?,
    attention_since = ?, at_risk_minor = ?
WHERE order_id = ?
"""
_ADD_DECISION = """
INSERT INTO order_decision (order_id, decision_id, step, undoing, choice, decided_by, note, at, run_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_COUNT_DECISION = "UPDATE accepted_order SET decisions = decisions + 1 WHERE order_id = ?"
_ADD_NOTE = """
INSERT INTO order_note (order_id, note_id, written_by, content, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_NOTE = "SELECT note_id, written_by, content, at FROM order_note WHERE order_id = ? AND note_id = ?"
_ADD_AUDIT = "INSERT INTO audit_entry (order_id, at, actor, kind, data) VALUES (?, ?, ?, ?, ?)"
_AUDITED = frozenset({"cancel_requested"})
"""The kinds of events that a person causes."""


async def progress(tx: Transaction, order_id: str, request: ProgressRequest) -> Answer:
    """Store a report of a run. An outdated report only adds its events. Raises NotFound, NotYours."""
    row = await find(tx, order_id, request.owner, lock="wait")
    await add_events(tx, order_id, request.run_id, request.events)
    if _counts(row, request):
        attention = attention_values(request.attention, row["currency"])
        # Only an ending may set a status that ends the order.
        status = row["status"] if request.status.is_end else request.status
        await tx.execute(_PROGRESS, request.run_id, request.number, status, *attention, order_id)
    return reply(await standing(tx, row))


async def decide(tx: Transaction, order_id: str, request: DecisionRequest) -> Answer:
    """Store a decision. Raises NotFound, NotYours."""
    await find(tx, order_id, request.owner, lock="wait")
    at, by, decided = request.at.isoformat(timespec="microseconds"), request.by, request.choice
    added = await tx.execute(
        _ADD_DECISION,
        *(order_id, request.decision_id, request.step, int(request.undoing), decided, by, request.note, at),
        request.run_id,
    )
    if added:
        await tx.execute(_COUNT_DECISION, order_id)
        audited = {"decision_id", "step", "undoing", "choice", "note", "run_id"}
        await _audit(tx, order_id, at, by, "decision", request.model_dump(include=audited))
    answer = await standing(tx, await find(tx, order_id))
    return reply(answer, 201 if added else 200)


async def add_note(tx: Transaction, order_id: str, request: NoteRequest) -> Answer:
    """Store a note. Raises NotFound."""
    await find(tx, order_id)
    at = now()
    added = await tx.execute(_ADD_NOTE, order_id, request.note_id, request.by, request.text, at)
    if added:
        await _audit(tx, order_id, at, request.by, "note", {"note_id": request.note_id, "text": request.text})
    row = await tx.fetch_one(_NOTE, order_id, request.note_id)
    assert row
    note = NoteRecord(note_id=row["note_id"], by=row["written_by"], text=row["content"], at=row["at"])
    return reply(note, 201 if added else 200)


async def add_events(tx: Transaction, order_id: str, run_id: str, events: Iterable[EventRecord]) -> None:
    """Store the events of a run that are not stored yet."""
    rows = [
        (order_id, run_id, each.number, each.at.isoformat(timespec="microseconds"), each.kind, to_text(each.data))
        for each in events
        if each.kind not in _AUDITED
    ]
    if rows:
        await tx.execute_many(_ADD_EVENT, rows)
    for each in events:
        if each.kind in _AUDITED:
            at = each.at.isoformat(timespec="microseconds")
            if await tx.execute(_ADD_EVENT, order_id, run_id, each.number, at, each.kind, to_text(each.data)):
                by = each.data.get("by")
                data = each.data | {"run_id": run_id}
                await _audit(tx, order_id, at, by if isinstance(by, str) else None, each.kind, data)


async def _audit(tx: Transaction, order_id: str, at: str, by: str | None, kind: str, data: dict[str, Any]) -> None:
    await tx.execute(_ADD_AUDIT, order_id, at, by, kind, to_text(data))


def _counts(row: Row, request: ProgressRequest) -> bool:
    """Whether a report changes more than the events: it is the newest, and contradicts no ending."""
    if row["progress_run_id"] == request.run_id and request.number < row["progress_number"]:
        return False
    return row["ending_status"] in (None, request.status)
