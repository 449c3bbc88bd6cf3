"""The routes to place, read and cancel orders."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ordersaga.domain.errors import OrderNotFound, Unavailable, VerdictPending
from ordersaga.domain.order import OrderId, parse_order
from ordersaga.domain.result import Answer, CancelOutcome, OrderResult
from ordersaga.http.problem import problem_response
from ordersaga.orders.reading import OrderDetails
from ordersaga.web.access import Caller, Scope
from ordersaga.web.api.bodies import model_in, object_in
from ordersaga.web.api.callers import Reader, State, Writer
from ordersaga.web.api.document import body_of
from ordersaga.web.api.errors import problems
from ordersaga.web.api.models import Cancellation, CancelRequest, OrderDocument, Placed, result_for
from ordersaga.web.api.naming import name_of
from ordersaga.web.reads import AppState
from ordersaga.web.reads.cache import Snapshot

MAX_WAIT = 60
CANCEL_WAIT = 10

router = APIRouter(tags=["orders"], generate_unique_id_function=name_of)

_NEXT = {
    name: {"operationId": name, "parameters": {"order_id": "$response.body#/order_id"}}
    for name in ("get_order", "order_events", "cancel_order", "decide")
}
"""OpenAPI links from a placed order to the operations on it."""


Id = Annotated[OrderId, Path(description="The order's id.", examples=["A-1001"])]
Wait = Annotated[
    str | None,
    Header(
        alias="Prefer",
        description=f"`wait=N`: wait up to N seconds, {MAX_WAIT} at most, for the order to end (RFC 7240).",
        examples=["wait=10"],
    ),
]


@router.post(
    "/v1/orders",
    status_code=202,
    response_model=Placed,
    responses={
        200: {
            "model": OrderResult,
            "description": "The order ended within the time given by `Prefer: wait`.",
            "links": _NEXT,
        },
        202: {"description": "The order was accepted.", "links": _NEXT},
        **problems(409, 413, 415),
    },
    openapi_extra=body_of("PlaceOrder"),
)
async def place_order(
    request: Request,
    caller: Writer,
    state: State,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            pattern=r"^[\x21-\x7e]{1,200}$",
            description="Replaces `order_id` in the body: the id is derived from the caller's name and this key.",
            examples=["cart-7781"],
        ),
    ] = None,
    prefer: Wait = None,
) -> Response:
    """Place an order. Repeating the request with the same id and content returns the same response and changes nothing.

    Setting a policy needs the scope `operate`. A key that is bound to a customer can place only that customer's
    orders.
    """
    document = await object_in(request)
    _check_rights(document, caller)
    if "order_id" not in document and key is not None:
        document["order_id"] = _id_of(caller, key)
    order = parse_order(document)
    await state.client.submit_order(order)
    state.reads.changed(order.order_id)
    wait = seconds_to_wait(prefer)
    result = await _result(state, order.order_id, wait) if wait else None
    if result is not None:
        state.reads.changed(order.order_id)
    url = f"/v1/orders/{order.order_id}"
    placed = Placed(order_id=order.order_id, status_url=url, events_url=f"{url}/events")
    answer: Answer = placed if result is None else result_for(result, caller)
    headers = {"Location": url} | ({} if wait is None else {"Preference-Applied": f"wait={wait}"})
    return JSONResponse(answer.model_dump(mode="json"), 202 if result is None else 200, headers)


@router.get("/v1/orders/{order_id}", response_model=OrderDocument, responses=problems(404))
async def get_order(order_id: Id, caller: Reader, state: State) -> OrderDocument:
    """An order: status, steps, ids, timeline, and how current the data is."""
    return OrderDocument.of(await details_for(caller, state, order_id), caller)


@router.post(
    "/v1/orders/{order_id}/cancel",
    response_model=Cancellation,
    responses={
        200: {"description": "The order is cancelled, or already was. It will not complete."},
        202: {"model": Cancellation, "description": "Whether the cancellation is in time is not known yet. Retry."},
        **problems(
            404,
            409,
            413,
            415,
            s409="`TooLate`: the order cannot be cancelled any more, see `order_status`. Nothing was undone.",
        ),
    },
    openapi_extra=body_of("CancelRequest", required=False),
)
async def cancel_order(request: Request, order_id: Id, caller: Writer, state: State, prefer: Wait = None) -> Response:
    """Cancel an order, and wait until it is known whether that was in time. `Prefer: wait` says for how long."""
    wanted = await model_in(request, CancelRequest, may_be_missing=True)
    await _check_ownership(caller, state, order_id)
    wait = seconds_to_wait(prefer)
    patience = CANCEL_WAIT if wait is None else max(wait, 1)
    try:
        answer = await state.client.cancel_order(order_id, wanted.reason, patience, caller.name)
    except VerdictPending:
        detail = "Whether the cancellation is in time is not known yet. Retry, or read the order. Both are safe."
        pending = Cancellation(order_id=order_id, outcome="pending", detail=detail)
        headers = {"Location": f"/v1/orders/{order_id}", "Retry-After": "1"}
        return JSONResponse(pending.model_dump(mode="json"), 202, headers)
    finally:
        state.reads.changed(order_id)
    if answer.outcome is CancelOutcome.TOO_LATE:
        return problem_response(
            "TooLate",
            409,
            "It is too late to cancel the order",
            f"Order {order_id} is {answer.status} and cannot be cancelled any more. Nothing was undone.",
            order_status=answer.status,
        )
    cancelled = Cancellation(order_id=order_id, outcome="cancelled", status=answer.status, detail=answer.detail)
    return JSONResponse(cancelled.model_dump(mode="json"))


async def details_for(caller: Caller, state: AppState, order_id: str) -> Snapshot[OrderDetails]:
    """An order's details, if the caller may see them. Raises OrderNotFound, Unavailable."""
    with _uniform_not_found(order_id):
        known = await state.reads.order(order_id)
    if caller.customer_id not in (None, known.value.customer_id):
        raise _not_found(order_id)
    return known


def seconds_to_wait(prefer: str | None) -> int | None:
    """What `Prefer: wait=N` asks for, as far as it is granted. Other preferences are ignored, as RFC 7240 has it."""
    for preference in (prefer or "").split(","):
        if found := re.fullmatch(r"\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(;.*)?", preference, re.IGNORECASE):
            return min(int(found[1]), MAX_WAIT)
    return None


def _check_rights(document: dict[str, Any], caller: Caller) -> None:
    if document.get("policy") is not None and not caller.may(Scope.OPERATE):
        raise HTTPException(
            403, "A policy needs a key with the scope operate. Nothing was started. Leave out `policy`."
        )
    if caller.customer_id is not None and document.get("customer_id") != caller.customer_id:
        raise HTTPException(403, "This key is bound to a customer_id that is not the order's. Nothing was started.")


def _id_of(caller: Caller, key: str) -> str:
    """Derive an order id from an Idempotency-Key. It is the same for all keys of the same caller."""
    text = "\0".join((caller.name, caller.customer_id or "", key))
    return "k-" + hashlib.sha256(text.encode()).hexdigest()[:32]


async def _result(state: AppState, order_id: str, wait: int) -> OrderResult | None:
    """The order's result if it ends within `wait` seconds, else None. The order was placed in either case."""
    try:
        async with asyncio.timeout(wait):
            result = await state.client.result(order_id)
    except (TimeoutError, Unavailable):
        return None
    return result if result.status.is_end else None


async def _check_ownership(caller: Caller, state: AppState, order_id: str) -> None:
    if caller.customer_id is not None:
        with _uniform_not_found(order_id):
            summary = await state.client.get_summary(order_id)
        if summary.customer_id != caller.customer_id:
            raise _not_found(order_id)


@contextmanager
def _uniform_not_found(order_id: str) -> Iterator[None]:
    """Raise the same error for a missing order as for one that the caller may not see."""
    try:
        yield
    except OrderNotFound:
        raise _not_found(order_id) from None


def _not_found(order_id: str) -> OrderNotFound:
    return OrderNotFound(f"There is no order {order_id}. Nothing was done. Check the id.")
