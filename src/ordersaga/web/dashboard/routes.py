"""The routes of the pages, their event streams and their forms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ordersaga.domain.errors import DecisionRefused, InvalidRequest, OrdersagaError, Unavailable
from ordersaga.web.access import Caller
from ordersaga.web.dashboard import views
from ordersaga.web.dashboard.actions import ActionForm, FormAction, cancel, decide, write_note
from ordersaga.web.dashboard.audit_view import audit_view
from ordersaga.web.dashboard.bulk import BulkForm, decide_on_all, preview_view
from ordersaga.web.dashboard.dependencies import Dashboard, DashboardState, Operator, operator
from ordersaga.web.dashboard.errors import PageError
from ordersaga.web.dashboard.live import updates
from ordersaga.web.dashboard.order_view import SubmittedForm, order_view
from ordersaga.web.dashboard.reading import Readings
from ordersaga.web.dashboard.rendering import order_url, url
from ordersaga.web.dashboard.security import same_origin
from ordersaga.web.dashboard.views import View
from ordersaga.web.dashboard.worklist_view import worklist_view
from ordersaga.web.reads import csv_response

Build = Callable[[Readings, Caller, views.Query], Awaitable[View]]

SAME_ORIGIN = [Depends(same_origin)]
router = APIRouter(include_in_schema=False)


def _page(name: str, path: str, build: Build) -> None:
    """Add a page, and /live/{name}, the stream of its changes."""

    async def page(request: Request, dashboard: Dashboard, caller: Operator) -> Response:
        return HTMLResponse((await build(dashboard.readings, caller, request.query_params)).html())

    async def live(request: Request, dashboard: Dashboard) -> AsyncIterator[ServerSentEvent]:
        query = request.query_params
        async for event in _updates(request, dashboard, lambda caller: build(dashboard.readings, caller, query)):
            yield event

    router.add_api_route(path, page)
    router.add_api_route(f"/live/{name}", live, response_class=EventSourceResponse)


_page("orders", "/", views.orders_view)
_page("worklist", "/worklist", worklist_view)
_page("outbox", "/outbox", views.outbox_view)
_page("audit", "/audit", audit_view)
_page("totals", "/totals", views.totals_view)


@router.get("/orders.csv", dependencies=[Depends(operator)])
async def orders_file(request: Request, dashboard: Dashboard) -> Response:
    """All orders that match the filters, as CSV."""
    wanted = views.order_filter(request.query_params)
    try:
        return await csv_response(dashboard.readings.state.client.register.entries(wanted))
    except InvalidRequest as problem:
        raise PageError(422, "These filters are not valid", str(problem)) from None


@router.get("/orders/{order_id}")
async def order_page(order_id: str, dashboard: Dashboard, caller: Operator, flash: str = "") -> Response:
    """An order's page. `flash` names the notice to show."""
    return HTMLResponse((await order_view(dashboard.readings, caller, order_id, flash=flash)).html())


@router.get("/live/orders/{order_id}", response_class=EventSourceResponse)
async def order_live(request: Request, order_id: str, dashboard: Dashboard) -> AsyncIterator[ServerSentEvent]:
    """The stream of changes to an order's page."""
    async for event in _updates(request, dashboard, lambda caller: order_view(dashboard.readings, caller, order_id)):
        yield event


@router.post("/orders/{order_id}/cancel", dependencies=SAME_ORIGIN)
async def cancel_order(
    order_id: str, dashboard: Dashboard, caller: Operator, form: Annotated[ActionForm, Form()]
) -> Response:
    """Cancel an order."""
    return await _act(dashboard, caller, order_id, form, cancel)


@router.post("/orders/{order_id}/decisions", dependencies=SAME_ORIGIN)
async def decide_on_order(
    order_id: str, dashboard: Dashboard, caller: Operator, form: Annotated[ActionForm, Form()]
) -> Response:
    """Decide on a parked step, or on an email that was not sent."""
    return await _act(dashboard, caller, order_id, form, decide)


@router.post("/orders/{order_id}/notes", dependencies=SAME_ORIGIN)
async def note_on_order(
    order_id: str, dashboard: Dashboard, caller: Operator, form: Annotated[ActionForm, Form()]
) -> Response:
    """Add a note to an order."""
    return await _act(dashboard, caller, order_id, form, write_note)


@router.post("/worklist/preview", dependencies=SAME_ORIGIN)
async def preview_decision(dashboard: Dashboard, caller: Operator, form: Annotated[BulkForm, Form()]) -> Response:
    """Show what one decision will do to the selected orders. Changes nothing."""
    try:
        return HTMLResponse((await preview_view(dashboard.readings, caller, form)).html())
    except DecisionRefused as error:
        raise PageError(409, "Nothing to decide", str(error)) from None


@router.post("/worklist/decisions", dependencies=SAME_ORIGIN)
async def decide_on_orders(dashboard: Dashboard, caller: Operator, form: Annotated[BulkForm, Form()]) -> Response:
    """Carry out one decision on the steps that the preview showed."""
    try:
        return HTMLResponse((await decide_on_all(dashboard.readings, caller, form)).html())
    except DecisionRefused as error:
        preview = await preview_view(dashboard.readings, caller, form, str(error))
        return HTMLResponse(preview.html(), 409)


@router.post("/totals/books", dependencies=[*SAME_ORIGIN, Depends(operator)])
async def check_books(dashboard: Dashboard) -> Response:
    """Start a check of the books."""
    dashboard.readings.books.start(dashboard.readings.state.client)
    return RedirectResponse("/totals#books", 303)


def _updates(
    request: Request, dashboard: DashboardState, page: Callable[[Caller], Awaitable[View]]
) -> AsyncIterator[ServerSentEvent]:
    return updates(dashboard.readings.state, lambda: dashboard.caller(request), page)


async def _act(
    dashboard: DashboardState, caller: Caller, order_id: str, form: ActionForm, action: FormAction
) -> Response:
    """Run a form's action, and redirect to the order's page. On an error, show the page with the form filled in."""
    state = dashboard.readings.state
    try:
        flash = await action(state, caller, order_id, form)
    except OrdersagaError as error:
        state.reads.changed(order_id)
        submitted = SubmittedForm(form.form, form.by, form.note, str(error))
        page = await order_view(dashboard.readings, caller, order_id, submitted)
        return HTMLResponse(page.html(), 503 if isinstance(error, Unavailable) else 409)
    state.reads.changed(order_id)
    return RedirectResponse(url(order_url(order_id), {"flash": flash}), 303)
