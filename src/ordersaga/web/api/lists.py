"""The routes of lists of orders: page by page, and all at once as CSV."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BeforeValidator
from starlette.exceptions import HTTPException

from ordersaga.contracts.register import OrderEntry
from ordersaga.domain.result import OrderFilter, OrderStatus
from ordersaga.domain.text import PATTERN, Printable
from ordersaga.orders.register.csv_file import MEDIA_TYPE
from ordersaga.web.access import Caller
from ordersaga.web.api.callers import Reader, State
from ordersaga.web.api.errors import problems
from ordersaga.web.api.models import OrderList, error_for
from ordersaga.web.api.naming import name_of
from ordersaga.web.reads import CsvResponse, csv_response

MAX_PAGE = 100
_AMOUNT = r"^[0-9]{1,15}(\.[0-9]{1,4})?$"

router = APIRouter(tags=["orders"], generate_unique_id_function=name_of)


def _instant(text: object) -> object:
    if isinstance(text, str) and not re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d", text):
        raise ValueError("is not a time such as 2026-03-01T12:00:00Z")
    return text


def _text(longest: int, description: str | None = None) -> object:
    schema = {"pattern": PATTERN}
    return Query(min_length=1, max_length=longest, description=description, json_schema_extra=schema)


Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]


async def _wanted(
    caller: Reader,
    status: Annotated[
        OrderStatus | None, Query(description="In lists, an order under way is `processing` from the start.")
    ] = None,
    customer_id: Annotated[str | None, _text(128), Printable] = None,
    email: Annotated[str | None, _text(254, "The mail address that the order was placed with."), Printable] = None,
    sku: Annotated[str | None, _text(64, "What one of its lines is for."), Printable] = None,
    tracking_number: Annotated[str | None, _text(200), Printable] = None,
    currency: Annotated[str | None, Query(pattern=r"^[A-Za-z]{3}$", examples=["USD"])] = None,
    min_amount: Annotated[
        str | None, Query(description="This amount or more, in `currency`, which it needs.", pattern=_AMOUNT)
    ] = None,
    max_amount: Annotated[
        str | None, Query(description="This amount or less, in `currency`, which it needs.", pattern=_AMOUNT)
    ] = None,
    needs_attention: Annotated[
        bool | None, Query(description="Whether a person has something to do about it, whatever its status.")
    ] = None,
    placed_after: Annotated[Instant | None, Query(description="At this time or later.")] = None,
    placed_before: Annotated[Instant | None, Query(description="Before this time.")] = None,
    search: Annotated[
        str | None, Query(description="The beginning of the order's id.", pattern=r"^[A-Za-z0-9._:-]{1,100}$")
    ] = None,
) -> OrderFilter:
    """What is asked for, as far as the caller may. Which parameters there are, is said here once for all routes."""
    if caller.customer_id is not None and customer_id not in (None, caller.customer_id):
        raise HTTPException(403, "This key is bound to another customer. Nothing was listed.")
    if caller.customer_id is not None and needs_attention is not None:
        raise HTTPException(403, "`needs_attention` is for keys that are bound to no customer. Nothing was listed.")
    return OrderFilter(
        status=status,
        customer_id=caller.customer_id or customer_id,
        placed_after=placed_after,
        placed_before=placed_before,
        search=search,
        email=email,
        sku=sku,
        tracking_number=tracking_number,
        currency=currency,
        min_amount=min_amount,
        max_amount=max_amount,
        needs_attention=needs_attention,
    )


Wanted = Annotated[OrderFilter, Depends(_wanted)]


@router.get(
    "/v1/orders",
    response_model=OrderList,
    responses=problems(404, s404="`InvalidCursor`: there is no such page of this list. Nothing was listed."),
)
async def list_orders(
    caller: Reader,
    state: State,
    wanted: Wanted,
    cursor: Annotated[str | None, Query(max_length=2000, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> OrderList:
    """Orders, newest first: those that fit all that is given. A key that is bound to a customer sees that customer's.

    Every order is listed from the moment it is placed, for ever, also while Temporal does not answer.
    """
    return OrderList.of(await state.overview.orders(wanted, cursor, limit), caller)


@router.get(
    "/v1/orders.csv",
    response_class=CsvResponse,
    responses={
        200: {"description": "A header, and a line for each order.", "content": {MEDIA_TYPE: {}}},
        **problems(),
    },
)
async def export_orders(caller: Reader, state: State, wanted: Wanted) -> CsvResponse:
    """The same list as CSV (RFC 4180), all of it, with each order's mail address.

    A cell that a spreadsheet would take for a formula begins with an apostrophe. A file that is not complete ends in
    the middle of a chunk, so that no client takes it for a whole one.
    """
    return await csv_response(_for_caller(state.client.register.entries(wanted), caller))


async def _for_caller(entries: AsyncIterator[OrderEntry], caller: Caller) -> AsyncIterator[OrderEntry]:
    async for entry in entries:
        yield entry.model_copy(update={"error": error_for(entry, caller)})
