"""The web server: the API under /v1 and the dashboard at /, in one process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from time import monotonic
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ordersaga.domain.errors import SettingsError
from ordersaga.domain.order import MAX_ORDER_BYTES
from ordersaga.http.limits import BodyLimit
from ordersaga.http.problem import ERROR_HANDLERS, problem_response
from ordersaga.http.server import run
from ordersaga.settings import Settings
from ordersaga.web.access.browsers import host_problem, is_loopback, origin_problem
from ordersaga.web.api import add_api
from ordersaga.web.api.callers import QUOTA
from ordersaga.web.api.metrics import Metrics
from ordersaga.web.dashboard.app import add_dashboard
from ordersaga.web.reads import AppState


def create_app(settings: Settings, **temporal: Any) -> FastAPI:
    """Create the application with the API and the dashboard. Keywords go to ordersaga.orders.connection.connect.

    Raises SettingsError if the keys file cannot be read.
    """
    state = AppState(settings, **temporal)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with state.running():
            yield

    app = FastAPI(
        title="ordersaga",
        summary="Orders that end shipped and paid for, fully undone, or on a person's worklist.",
        version=version("ordersaga"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    add_api(app, state)
    add_dashboard(app, state)
    # The middleware added last sees a request first.
    app.add_middleware(BodyLimit, limit=MAX_ORDER_BYTES)
    if not state.keys.required:
        app.add_middleware(LocalOnly)
    app.add_middleware(ResponseHeaders, metrics=app.state.metrics)
    return app


def serve_web(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8000,
    on_ready: Callable[[int], None] | None = None,
    **temporal: Any,
) -> None:
    """Serve the API and the dashboard until SIGTERM or Ctrl-C. Temporal need not be running yet.

    Port 0 takes a free one; `on_ready` is called with the port once the server responds. Raises SettingsError if other
    machines could connect without a key, and OrdersagaError if the port is taken.
    """
    if settings.api_keys is None and not is_loopback(host):
        raise SettingsError(
            f"Without keys the API serves this machine only, but {host} can be reached from other machines. "
            "Nothing was started. Create a key with `ordersaga api-key` and set ORDERSAGA_API_KEYS to its file."
        )
    app = create_app(settings, **temporal)
    state: AppState = app.state.ordersaga
    run(app, host, port, on_ready, "The API", on_stop=state.stop)


class LocalOnly:
    """Rejects requests that do not come from this machine's user: other host names, and pages of other sites."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            problem = host_problem(headers) or origin_problem(scope["method"], headers)
            if problem is not None:
                response = problem_response("Forbidden", 403, "Forbidden", f"{problem}. Nothing was done.")
                await response(scope, receive, send)
                return
        await self.app(scope, receive, send)


class ResponseHeaders:
    """Adds headers for browsers, caches and the rate limit to every response, and counts it in the metrics."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = monotonic()
        state = scope.setdefault("state", {})
        answered = False

        async def send_with_headers(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Cache-Control", "no-store")
                headers.update(state[QUOTA].headers() if QUOTA in state else {})
                self.metrics.answered(_route(scope), scope["method"], message["status"], monotonic() - began)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:  # Starlette would respond outside this middleware; raising it again logs it
            if not answered:
                response = await ERROR_HANDLERS[Exception](Request(scope), error)
                await response(scope, receive, send_with_headers)
            raise


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "other")
