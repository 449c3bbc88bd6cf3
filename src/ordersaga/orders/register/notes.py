"""People's notes on orders, and the audit log: who did what, when, on which order. The register stores both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

from pydantic import ValidationError

from ordersaga.contracts.register import AuditEntry, NoteRecord, NoteRequest
from ordersaga.domain.audit_log import AuditFilter, AuditItem, AuditPage, OrderNote
from ordersaga.domain.errors import (
    InvalidCursor,
    InvalidRequest,
    NotFound,
    OrderNotFound,
    ServiceFault,
    ServiceUnavailable,
)
from ordersaga.domain.order import describe_problems
from ordersaga.orders.register.orders import SECONDS, OrderRegister

_CHUNK = 500


async def write_note(register: OrderRegister, order_id: str, by: str, text: str, note_id: str | None) -> OrderNote:
    """Write a note on an order, once for each `note_id`. Raises InvalidRequest, OrderNotFound, ServiceUnavailable."""
    by, text = by.strip(), text.strip()
    try:
        request = NoteRequest(note_id=note_id or str(uuid4()), by=by, text=text)
    except ValidationError as error:
        problems = describe_problems(error)
        raise InvalidRequest(
            f"The note is not valid ({problems}). Nothing was written. Correct it and try again."
        ) from None
    try:
        async with register.client() as client:
            return note_of(await client.note(order_id, request, SECONDS))
    except NotFound:
        raise OrderNotFound(f"There is no order {order_id}. Nothing was written.") from None
    except ServiceFault as fault:
        raise ServiceUnavailable(
            f"The register did not accept the note on order {order_id}: {fault}. It may or may not have been written. "
            "Try again with the same note_id; it is written only once."
        ) from None


async def audit_page(
    register: OrderRegister, wanted: AuditFilter, cursor: str | None = None, limit: int = 50
) -> AuditPage:
    """What people did, newest first. Raises InvalidCursor, ServiceUnavailable."""
    said = {"order_id": wanted.order_id, "by": wanted.by, "kind": wanted.kind}
    filters = {name: value for name, value in said.items() if value}
    try:
        async with register.client() as client:
            page = await client.audit_page(filters, cursor, limit)
    except InvalidRequest:
        if cursor is None:
            raise
        raise InvalidCursor from None
    return AuditPage(items=[_item(entry) for entry in page.items], next=page.next)


async def audit_items(
    register: OrderRegister, wanted: AuditFilter, limit: int | None = None
) -> AsyncIterator[AuditItem]:
    """All that people did, or the newest `limit` of it. Raises ServiceUnavailable."""
    cursor, left = None, limit
    while left is None or left > 0:
        page = await audit_page(register, wanted, cursor, _CHUNK if left is None else min(left, _CHUNK))
        for item in page.items:
            yield item
        cursor, left = page.next, None if left is None else left - len(page.items)
        if cursor is None:
            return


def note_of(record: NoteRecord) -> OrderNote:
    """A note, as programs see it."""
    return OrderNote(**record.model_dump())


def _item(entry: AuditEntry) -> AuditItem:
    said = {name: value for name, value in entry.data.items() if name in AuditItem.model_fields}
    return AuditItem.model_validate(
        said | {"order_id": entry.order_id, "at": entry.at, "by": entry.by, "kind": entry.kind}
    )
