"""The dashboard, put into an application beside the API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from ordersaga.web.access.limiter import Limiter
from ordersaga.web.dashboard import routes, signing_in
from ordersaga.web.dashboard.dependencies import TRIES, DashboardState
from ordersaga.web.dashboard.errors import add_error_pages
from ordersaga.web.dashboard.reading import Readings
from ordersaga.web.dashboard.security import STATIC, SecurityHeaders
from ordersaga.web.dashboard.sessions import Sessions
from ordersaga.web.reads import AppState


def add_dashboard(app: FastAPI, state: AppState) -> None:
    """Add the dashboard's pages, and pages for errors to those who ask with a browser.

    To be called when the application has its other routes and its error handlers. The front has to be running while
    the application serves.
    """
    readings = Readings(state)
    app.state.dashboard = DashboardState(readings, Sessions(state.keys), Limiter(TRIES))
    app.include_router(signing_in.router)
    app.include_router(routes.router)
    app.mount(STATIC, StaticFiles(directory=Path(__file__).parent / "static"), "static")
    app.add_middleware(SecurityHeaders)
    add_error_pages(app)
    _run_along(app, readings)


def _run_along(app: FastAPI, readings: Readings) -> None:
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async with inner(running) as state, readings.running():
            yield state or {}

    app.router.lifespan_context = lifespan
