"""The routes of the worklist: orders that need attention, and decisions on them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from ordersaga.domain.result import OrderView
from ordersaga.domain.text import PATTERN, Printable
from ordersaga.domain.worklist import Attention, OrderDecision, WorklistSort, arranged
from ordersaga.web.api.bodies import model_in
from ordersaga.web.api.callers import Operator, Overseer, State
from ordersaga.web.api.document import body_of
from ordersaga.web.api.errors import problems
from ordersaga.web.api.models import Worklist
from ordersaga.web.api.naming import name_of
from ordersaga.web.api.orders import Id

router = APIRouter(tags=["worklist"], generate_unique_id_function=name_of)

_REFUSED = "`DecisionRefused`: this decision is not possible now, or a name, reference or reason is missing."


@router.get("/v1/worklist", response_model=Worklist, responses=problems())
async def get_worklist(
    _caller: Overseer,
    state: State,
    sort: Annotated[
        WorklistSort,
        Query(description="`waiting`: longest wait first. `amount`: most money at risk first, within each currency."),
    ] = (WorklistSort.WAITING),
    attention: Annotated[Attention | None, Query(description="Only orders with this problem.")] = None,
    customer_id: Annotated[
        str | None, Query(min_length=1, max_length=128, json_schema_extra={"pattern": PATTERN}), Printable
    ] = None,
) -> Worklist:
    """Orders that need attention: steps that cannot be done or undone, emails not sent, runs without progress."""
    known = await state.reads.worklist()
    return Worklist(items=arranged(known.value, sort, attention, customer_id), as_of=known.at, problem=known.problem)


@router.post(
    "/v1/worklist/{order_id}/decisions",
    response_model=OrderView,
    responses=problems(404, 409, 413, 415, s409=f"{_REFUSED} Nothing was changed."),
    openapi_extra=body_of("OrderDecision"),
)
async def decide(request: Request, order_id: Id, _caller: Operator, state: State) -> OrderView:
    """Decide on a step: retry, done by hand (with a reference), write off (with a reason), or go forward."""
    decision = await model_in(request, OrderDecision)
    try:
        return await state.client.resolve(order_id, decision)
    finally:
        state.reads.changed(order_id)
