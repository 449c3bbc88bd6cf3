"""The event stream of an order's changes."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException

from ordersaga.domain.errors import OrdersagaError
from ordersaga.orders.reading import OrderDetails
from ordersaga.web.access.streams import TooManyStreams
from ordersaga.web.api.callers import Reader, State
from ordersaga.web.api.errors import problems
from ordersaga.web.api.models import OrderDocument
from ordersaga.web.api.naming import name_of
from ordersaga.web.api.orders import Id, details_for
from ordersaga.web.reads.cache import Snapshot

RETRY_MS = 2_000

router = APIRouter(tags=["orders"], generate_unique_id_function=name_of)


class NothingNew(Exception):
    """The order has ended and the caller has the last event. After a response 204, event sources stop reconnecting."""


async def _first(
    order_id: Id,
    caller: Reader,
    state: State,
    last_event_id: Annotated[
        str | None, Header(description="The id of the last event received, to resume a stream.")
    ] = None,
) -> Snapshot[OrderDetails]:
    """Read the order before the stream starts, while an error can still become a status code."""
    known = await details_for(caller, state, order_id)
    if known.value.has_ended and last_event_id == _id_of(known):
        raise NothingNew
    return known


def _counted(caller: Reader, state: State) -> Iterator[None]:
    try:
        with state.streams.open(caller.key or caller.name):
            yield
    except TooManyStreams as error:
        raise HTTPException(429, f"{error} No stream was opened. Close one first.", {"Retry-After": "10"}) from None


@router.get(
    "/v1/orders/{order_id}/events",
    response_class=EventSourceResponse,
    responses={
        200: {"description": "`event: order` at each change, with the order as its data; `event: end` comes last."},
        204: {"description": "The order has ended, and `Last-Event-ID` is its last event."},
        **problems(404),
    },
    dependencies=[Depends(_counted)],
)
async def order_events(
    order_id: Id, caller: Reader, state: State, _known: Annotated[Snapshot[OrderDetails], Depends(_first)]
) -> AsyncIterator[ServerSentEvent]:
    """The order, at once and at each change, until it has ended. Comments keep the connection alive in between."""
    try:
        async for known in state.reads.watch(
            lambda: details_for(caller, state, order_id), lambda details: details.has_ended
        ):
            if not state.keys.still_valid(caller):
                return
            name = "end" if known.fresh and known.value.has_ended else "order"
            document = OrderDocument.of(known, caller)
            yield ServerSentEvent(data=document, event=name, id=_id_of(known), retry=RETRY_MS)
    except OrdersagaError as error:
        yield ServerSentEvent(data={"detail": str(error)}, event="problem", retry=RETRY_MS)


def _id_of(known: Snapshot[OrderDetails]) -> str:
    return hashlib.sha256(known.value.model_dump_json().encode()).hexdigest()[:16]
