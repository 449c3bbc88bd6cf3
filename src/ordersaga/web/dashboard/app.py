"""Adds the dashboard to an application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from ordersaga.web.access.limiter import Limiter
from ordersaga.web.dashboard import routes, signing_in
from ordersaga.web.dashboard.dependencies import SIGN_IN_RATE, DashboardState
from ordersaga.web.dashboard.errors import add_error_pages
from ordersaga.web.dashboard.reading import Readings
from ordersaga.web.dashboard.security import STATIC, SecurityHeaders
from ordersaga.web.dashboard.sessions import Sessions
from ordersaga.web.reads import AppState


def add_dashboard(app: FastAPI, state: AppState) -> None:
    """Add the dashboard's pages to the application, and error pages for browsers.

    Call it after the other routes and error handlers were added. `state` must be running while the application serves.
    """
    readings = Readings(state)
    app.state.dashboard = DashboardState(readings, Sessions(state.keys), Limiter(SIGN_IN_RATE))
    app.include_router(signing_in.router)
    app.include_router(routes.router)
    app.mount(STATIC, StaticFiles(directory=Path(__file__).parent / "static"), "static")
    app.add_middleware(SecurityHeaders)
    add_error_pages(app)
    _extend_lifespan(app, readings)


def _extend_lifespan(app: FastAPI, readings: Readings) -> None:
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async with inner(running) as state, readings.running():
            yield state or {}

    app.router.lifespan_context = lifespan
