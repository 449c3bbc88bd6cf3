"""Lists of orders: what Temporal's visibility is asked for, page by page, and the cursors that callers hold between."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
from dataclasses import astuple
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecution

from ordersaga.domain.errors import InvalidCursor
from ordersaga.domain.result import OrderFilter, OrderPage, OrderStatus, OrderSummary
from ordersaga.endings import CUT_OFF, summary
from ordersaga.workflows.projection import CUSTOMER, STATUS

PAGE_SECONDS = timedelta(seconds=10)
_MOST_ROUNDS = 10
"""How often Temporal is asked for one page, where what it finds turns out not to be wanted."""
_CHECKSUM_BYTES = 9

_CUT_OFF = 'ExecutionStatus IN ("Failed", "Terminated", "TimedOut")'
"""Such a run may have any status: its settlement's, if there is one."""
_RUNNING = 'ExecutionStatus = "Running"'
_COMPLETED = 'ExecutionStatus = "Completed"'
_ENDS = {
    OrderStatus.COMPLETED: f"{_COMPLETED} AND ({STATUS.name} IS NULL OR {STATUS.name} = 'completed')",
    OrderStatus.FAILED: f"{_COMPLETED} AND {STATUS.name} = 'failed'",
    OrderStatus.CANCELLED: f"(ExecutionStatus = \"Canceled\" OR ({_COMPLETED} AND {STATUS.name} = 'cancelled'))",
    OrderStatus.NEEDS_ATTENTION: f"{_RUNNING} AND {STATUS.name} = 'needs_attention'",
    OrderStatus.PROCESSING: f"{_RUNNING} AND ({STATUS.name} IS NULL OR {STATUS.name} = 'processing')",
    OrderStatus.COMPENSATING: f"{_RUNNING} AND {STATUS.name} = 'compensating'",
}
_UNSEARCHABLE = {
    OrderStatus.COMPLETED: _COMPLETED,
    OrderStatus.FAILED: _COMPLETED,
    OrderStatus.CANCELLED: 'ExecutionStatus IN ("Completed", "Canceled")',
}
"""What is asked of a server that does not know our search attributes."""


def list_query(wanted: OrderFilter, searchable: bool) -> str:
    """The visibility query for orders. It finds at least those that are wanted; the summaries decide."""
    parts = ['WorkflowType = "OrderSagaWorkflow"']
    if wanted.status is not None:
        ends = _ENDS if searchable else _UNSEARCHABLE
        parts.append(f"({ends.get(wanted.status, _RUNNING)} OR {_CUT_OFF})")
    if wanted.customer_id is not None and searchable:
        parts += _customer(wanted.customer_id)
    if wanted.placed_after is not None:
        parts.append(f"StartTime >= '{_utc(wanted.placed_after).isoformat()}'")
    if wanted.placed_before is not None:
        parts.append(f"StartTime < '{_utc(wanted.placed_before).isoformat()}'")
    if wanted.search:
        parts.append(f"WorkflowId STARTS_WITH 'order-{wanted.search}'")
    return " AND ".join(parts)


async def order_page(
    temporal: Client, wanted: OrderFilter, cursor: str | None, limit: int, searchable: bool
) -> OrderPage:
    """Up to `limit` orders, those under way first and the others by their end, newest first. Raises InvalidCursor.

    A page may hold fewer, or none, and still have a next one: what Temporal is asked for one page is bounded.
    """
    token = None if cursor is None else _token(cursor, wanted)
    items: list[OrderSummary] = []
    for _ in range(_MOST_ROUNDS):
        found, token = await _chunk(temporal, wanted, token, limit - len(items), searchable)
        items += found
        if token is None or len(items) >= limit:
            break
    return OrderPage(items=items, next=None if token is None else _cursor(token, wanted))


async def _chunk(
    temporal: Client, wanted: OrderFilter, token: bytes | None, size: int, searchable: bool
) -> tuple[list[OrderSummary], bytes | None]:
    if wanted.status is OrderStatus.PENDING or re.search(r"[^A-Za-z0-9._:-]", wanted.search or ""):
        return [], None  # only a worker knows of an order that it has not begun yet; and no order has such an id
    query = list_query(wanted, searchable)
    found = temporal.list_workflows(query, page_size=size, next_page_token=token, rpc_timeout=PAGE_SECONDS)
    await found.fetch_next_page()
    listed = await asyncio.gather(*(_listed(temporal, each, wanted) for each in found.current_page or []))
    return [order for order in listed if order is not None], found.next_page_token or None


async def _listed(temporal: Client, execution: WorkflowExecution, wanted: OrderFilter) -> OrderSummary | None:
    if execution.status in CUT_OFF and await was_followed(temporal, execution):
        return None  # it was reset: the order is the run that followed
    found = await summary(temporal, execution)
    if wanted.status not in (None, found.status) or wanted.customer_id not in (None, found.customer_id):
        return None
    return found if found.order_id.startswith(wanted.search or "") else None


async def was_followed(temporal: Client, execution: WorkflowExecution) -> bool:
    """Whether another run has taken this one's place: a reset terminates a run, and the order goes on in the next."""
    return (await temporal.get_workflow_handle(execution.id).describe()).run_id != execution.run_id


def _customer(customer_id: str) -> list[str]:
    """A condition that this customer's orders fit. Nothing that could end a string gets into it.

    Temporal's visibility in SQL finds no value with a quotation mark or a backslash in it, however it is written.
    """
    plain = re.split(r"['\"\\]", customer_id)[0]
    if plain == customer_id:
        return [f"{CUSTOMER.name} = '{plain}'"]
    return [f"{CUSTOMER.name} STARTS_WITH '{plain}'"] if plain else []


def _utc(at: datetime) -> datetime:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:  # within hours of the year 1 or of 9999, where nothing was placed
        return at.replace(tzinfo=UTC)


def _cursor(token: bytes, wanted: OrderFilter) -> str:
    return base64.urlsafe_b64encode(_checksum(token, wanted) + token).decode().rstrip("=")


def _token(cursor: str, wanted: OrderFilter) -> bytes:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    checksum, token = raw[:_CHECKSUM_BYTES], raw[_CHECKSUM_BYTES:]
    if not token or checksum != _checksum(token, wanted):
        raise InvalidCursor
    return token


def _checksum(token: bytes, wanted: OrderFilter) -> bytes:
    """Keeps mangled cursors and those of other lists from Temporal, which takes seconds to say that they are wrong.

    It is no signature and need not be one: whoever forges a cursor gets another place in the list that they may see.
    """
    return hashlib.sha256(repr(astuple(wanted)).encode("utf-8", "backslashreplace") + token).digest()[:_CHECKSUM_BYTES]
