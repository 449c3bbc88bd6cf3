"""Decides who owns an order and how it may end. Each function runs in one transaction.

    open ──unwind──▶ unwinding ──forward──▶ forward
        completed: from open and forward; failed, cancelled: from open and unwinding. Nothing changes an ending.

A transition is one UPDATE that names its initial states, so that of several runs of one order exactly one wins.
"""

from __future__ import annotations

from typing import Any

from ordersaga.contracts.register import (
    ClaimRequest,
    EndingRequest,
    EndingState,
    ForwardRequest,
    Standing,
    UnwindRequest,
)
from ordersaga.domain.errors import Fenced, OrderConflict
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.text import clean
from ordersaga.services.kit.answer import Answer, reply
from ordersaga.services.kit.store import RetryTransaction, Transaction, now
from ordersaga.services.register.reports import add_events
from ordersaga.services.register.rows import STANDING, add_document, attention_values, find, standing

_CLAIM = """
INSERT INTO accepted_order (order_id, owner, customer_id, email, amount_minor, currency, task_queue, state, status,
    accepted_at)
VALUES (?, ?, ?, ?, ?, ?, ?, 'open', 'pending', ?)
ON CONFLICT (order_id) DO NOTHING RETURNING seq
"""
_ADD_SKU = "INSERT INTO ordered_sku (sku, accepted_at, seq) VALUES (?, ?, ?)"
_UNWIND = f"""
UPDATE accepted_order SET state = 'unwinding', status = 'compensating', unwind_reason = ?
WHERE order_id = ? AND owner = ? AND state = 'open' RETURNING {STANDING}
"""  # noqa: S608
_FORWARD = f"""
UPDATE accepted_order SET state = 'forward', status = 'processing'
WHERE order_id = ? AND owner = ? AND state IN ('open', 'unwinding') RETURNING {STANDING}
"""  # noqa: S608
_END = f"""
UPDATE accepted_order SET state = ?, status = ?, ending_status = ?, ending_run_id = ?, ended_at = ?,
    tracking_number = ?, refusal = ?, error = ?,
    attention = ?, attention_kind = ?, attention_since = ?, at_risk_minor = ?
WHERE order_id = ? AND owner = ? AND state IN ('open', ?) RETURNING {STANDING}
"""  # noqa: S608
_MAX_NAME = 255
_MAX_ERROR = 500
"""In lists. The result has the whole text."""


async def claim(tx: Transaction, order_id: str, request: ClaimRequest) -> Answer:
    """Accept an order for its owner, once. An accepted order never changes. Raises OrderConflict."""
    money, at = request.money, now()
    told = request.owner, request.customer_id, request.email, money.minor, money.currency, request.task_queue
    accepted = await tx.fetch_one(_CLAIM, order_id, *told, at)
    if accepted is None:
        known = await find(tx, order_id)
        if known["owner"] != request.owner:
            raise OrderConflict(f"Order {order_id} already exists with other content. Nothing was accepted.")
        return reply(await standing(tx, known))
    await add_document(tx, order_id, "order", request.order)
    await tx.execute_many(_ADD_SKU, [(sku, at, accepted["seq"]) for sku in _skus(request.order)])
    new = Standing.model_validate(
        {"order_id": order_id, "owner": request.owner, "state": EndingState.OPEN, "accepted_at": at}
    )
    return reply(new, 201)


async def unwind(tx: Transaction, order_id: str, request: UnwindRequest) -> Answer:
    """Announce that the order will be undone, unless its state forbids it. Raises NotFound, NotYours."""
    row = await tx.fetch_one(_UNWIND, request.reason, order_id, request.owner)
    return reply(await standing(tx, row or await find(tx, order_id, request.owner)))


async def forward(tx: Transaction, order_id: str, request: ForwardRequest) -> Answer:
    """Record that the order cannot be undone any more. Raises NotFound, NotYours, and Fenced if it is undone."""
    row = await tx.fetch_one(_FORWARD, order_id, request.owner)
    if row is None:
        row = await find(tx, order_id, request.owner)
        if row["state"] == EndingState.UNDONE:
            raise Fenced(f"Order {order_id} was undone and has ended. It cannot go forward; nothing was changed.")
    return reply(await standing(tx, row))


async def end(tx: Transaction, order_id: str, request: EndingRequest) -> Answer:
    """Write how the order ended, unless that is already written. Raises NotFound, NotYours, Fenced."""
    completed = request.status is OrderStatus.COMPLETED
    currency = (await find(tx, order_id, request.owner))["currency"] if request.attention else ""
    at = now()
    row = await tx.fetch_one(
        _END,
        EndingState.COMPLETED if completed else EndingState.UNDONE,
        request.status,
        request.status,
        request.run_id,
        at,
        *(_text(request.result, "tracking_number"), _text(request.result, "refusal")),
        _text(request.result, "error", _MAX_ERROR),
        *attention_values(request.attention, currency),
        *(order_id, request.owner, EndingState.FORWARD if completed else EndingState.UNWINDING),
    )
    if row is None:
        return await _end_again(tx, order_id, request)
    await add_document(tx, order_id, "result", request.result)
    await add_events(tx, order_id, request.run_id, request.events)
    return reply(await standing(tx, row, request.result), 201)


async def _end_again(tx: Transaction, order_id: str, request: EndingRequest) -> Answer:
    row = await find(tx, order_id, request.owner)
    if row["ended_at"] is not None:
        await add_events(tx, order_id, request.run_id, request.events)
        return reply(await standing(tx, row))
    if row["state"] == EndingState.UNWINDING and request.status is OrderStatus.COMPLETED:
        raise Fenced(f"Order {order_id} is being undone, so it cannot be completed now. Nothing was written.")
    if row["state"] == EndingState.FORWARD and request.status is not OrderStatus.COMPLETED:
        raise Fenced(f"Order {order_id} goes forward, so it cannot end {request.status}. Nothing was written.")
    raise RetryTransaction


def _skus(order: dict[str, Any]) -> list[str]:
    items = order.get("items")
    found = [item.get("sku") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return sorted({sku for sku in found if isinstance(sku, str) and clean(sku) == sku and len(sku) <= _MAX_NAME})


def _text(result: dict[str, Any], field: str, max_length: int = _MAX_NAME) -> str | None:
    value = result.get(field)
    return clean(value)[:max_length] if isinstance(value, str) and value else None
