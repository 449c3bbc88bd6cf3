"""The routes that list orders: in pages as JSON, and all at once as CSV."""

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


async def _order_filter(
    caller: Reader,
    status: Annotated[
        OrderStatus | None, Query(description="In lists, an order in progress is `processing` from the start.")
    ] = None,
    customer_id: Annotated[str | None, _text(128), Printable] = None,
    email: Annotated[str | None, _text(254, "The email address that the order was placed with."), Printable] = None,
    sku: Annotated[str | None, _text(64, "An SKU that the order contains."), Printable] = None,
    tracking_number: Annotated[str | None, _text(200), Printable] = None,
    currency: Annotated[str | None, Query(pattern=r"^[A-Za-z]{3}$", examples=["USD"])] = None,
    min_amount: Annotated[
        str | None, Query(description="This amount or more, in `currency`, which is then required.", pattern=_AMOUNT)
    ] = None,
    max_amount: Annotated[
        str | None, Query(description="This amount or less, in `currency`, which is then required.", pattern=_AMOUNT)
    ] = None,
    needs_attention: Annotated[
        bool | None, Query(description="Whether the order is on the worklist, independently of its status.")
    ] = None,
    placed_after: Annotated[Instant | None, Query(description="At this time or later.")] = None,
    placed_before: Annotated[Instant | None, Query(description="Before this time.")] = None,
    search: Annotated[
        str | None, Query(description="The start of the order's id.", pattern=r"^[A-Za-z0-9._:-]{1,100}$")
    ] = None,
) -> OrderFilter:
    """The filters in the query parameters, limited to what the caller may see."""
    if caller.customer_id is not None and customer_id not in (None, caller.customer_id):
        raise HTTPException(403, "This key is bound to another customer. Nothing was listed. Leave out `customer_id`.")
    if caller.customer_id is not None and needs_attention is not None:
        raise HTTPException(403, "`needs_attention` needs a key that is not bound to a customer. Nothing was listed.")
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


Filter = Annotated[OrderFilter, Depends(_order_filter)]


@router.get(
    "/v1/orders",
    response_model=OrderList,
    responses=problems(404, s404="`InvalidCursor`: the cursor does not belong to this list. Nothing was listed."),
)
async def list_orders(
    caller: Reader,
    state: State,
    wanted: Filter,
    cursor: Annotated[str | None, Query(max_length=2000, description="`next` of the previous page.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> OrderList:
    """Orders that match all filters, newest first. A key that is bound to a customer sees that customer's orders.

    An order is listed permanently from the moment it is placed, even while Temporal is not responding.
    """
    return OrderList.of(await state.reads.orders(wanted, cursor, limit), caller)


@router.get(
    "/v1/orders.csv",
    response_class=CsvResponse,
    responses={
        200: {"description": "A header line, and one line for each order.", "content": {MEDIA_TYPE: {}}},
        **problems(),
    },
)
async def export_orders(caller: Reader, state: State, wanted: Filter) -> CsvResponse:
    """The complete list as CSV (RFC 4180), with each order's email address.

    A cell that a spreadsheet would take for a formula is prefixed with an apostrophe. If the export fails midway, the
    response ends within a chunk, so that clients can tell that it is incomplete.
    """
    return await csv_response(_for_caller(state.client.register.entries(wanted), caller))


async def _for_caller(entries: AsyncIterator[OrderEntry], caller: Caller) -> AsyncIterator[OrderEntry]:
    async for entry in entries:
        yield entry.model_copy(update={"error": error_for(entry, caller)})
