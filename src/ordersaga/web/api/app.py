"""Adds the API to an application."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from ordersaga.web.api import audit_log, events, health, lists, orders, worklist
from ordersaga.web.api.document import openapi_of
from ordersaga.web.api.errors import ERROR_HANDLERS
from ordersaga.web.api.metrics import Metrics
from ordersaga.web.reads import AppState


def add_api(app: FastAPI, state: AppState) -> None:
    """Add the API's routes, its problem documents and its OpenAPI document to an application."""
    app.state.ordersaga = state
    app.state.metrics = Metrics()
    for kind, handler in ERROR_HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_exception_handler(events.NothingNew, _nothing_new)
    for part in (orders, lists, events, worklist, audit_log, health):
        app.include_router(part.router)
    app.openapi = openapi_of(app, with_keys=state.keys.required)  # type: ignore[method-assign]


async def _nothing_new(_request: Request, _error: Exception) -> Response:
    return Response(status_code=204)
