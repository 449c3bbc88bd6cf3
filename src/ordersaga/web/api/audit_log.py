"""The routes of notes and of the audit log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from ordersaga.domain.audit_log import AuditFilter, AuditKind, OrderNote
from ordersaga.domain.order import SAFE_ID
from ordersaga.domain.text import PATTERN, Printable
from ordersaga.web.api.bodies import model_in
from ordersaga.web.api.callers import Operator, State
from ordersaga.web.api.document import body_of
from ordersaga.web.api.errors import problems
from ordersaga.web.api.lists import MAX_PAGE
from ordersaga.web.api.models import Audit, NewNote
from ordersaga.web.api.naming import name_of
from ordersaga.web.api.orders import Id

router = APIRouter(tags=["audit"], generate_unique_id_function=name_of)


@router.post(
    "/v1/orders/{order_id}/notes",
    status_code=201,
    response_model=OrderNote,
    responses=problems(404, 413, 415),
    openapi_extra=body_of("NewNote"),
)
async def write_note(request: Request, order_id: Id, _caller: Operator, state: State) -> OrderNote:
    """Add a note to an order, even after it has ended. Repeating it with the same `note_id` changes nothing."""
    note = await model_in(request, NewNote)
    try:
        return await state.client.note(order_id, note.by, note.text, note.note_id)
    finally:
        state.reads.changed(order_id)


@router.get(
    "/v1/audit",
    response_model=Audit,
    responses=problems(404, s404="`InvalidCursor`: the cursor does not belong to this list. Nothing was listed."),
)
async def get_audit(
    _caller: Operator,
    state: State,
    order_id: Annotated[str | None, Query(pattern=SAFE_ID, max_length=100)] = None,
    by: Annotated[
        str | None,
        Query(min_length=1, max_length=255, json_schema_extra={"pattern": PATTERN}, description="Who did it."),
        Printable,
    ] = None,
    kind: AuditKind | None = None,
    cursor: Annotated[str | None, Query(max_length=2000, description="`next` of the previous page.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> Audit:
    """The audit log: decisions, notes and cancellations, with who and when, newest first."""
    known = await state.reads.audit(AuditFilter(order_id, by, kind), cursor, limit)
    return Audit(items=known.value.items, next=known.value.next, as_of=known.at, problem=known.problem)
