"""What every service's HTTP application has: problem documents for all errors, a limit for bodies, health, OpenAPI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ordersaga.http.limits import BodyLimit
from ordersaga.http.problem import ERROR_HANDLERS as ALL_SERVERS
from ordersaga.http.problem import ErrorHandler, unavailable_response
from ordersaga.services.kit.route import BodyRoute
from ordersaga.services.kit.store import BooksUnavailable, Store, Transaction

MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its application, and what must be running while that answers."""

    name: str
    app: FastAPI
    store: Store
    running: Callable[[], AbstractAsyncContextManager[None]]


def new_app(name: str, summary: str, store: Store) -> FastAPI:
    """An application without routes of its own yet."""
    app = FastAPI(
        title=f"ordersaga {name}",
        summary=summary,
        version=version("ordersaga"),
        redirect_slashes=False,
        redoc_url=None,
        exception_handlers=dict(ERROR_HANDLERS),
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.router.route_class = BodyRoute
    app.add_middleware(BodyLimit, limit=MAX_BODY_BYTES)

    async def healthz() -> Response:
        """Whether the service can read its books."""
        await store.read(probe)
        return JSONResponse({"status": "ok", "service": name})

    app.add_api_route("/healthz", healthz, response_model=dict[str, str])
    return app


async def probe(tx: Transaction) -> None:
    """Read nothing: whether the database answers."""
    await tx.fetch_one("SELECT 1")


async def _unavailable(_request: Request, error: Exception) -> Response:
    return unavailable_response(str(error))


ERROR_HANDLERS: Mapping[Any, ErrorHandler] = {**ALL_SERVERS, BooksUnavailable: _unavailable}
"""How every error of a service becomes a problem document."""
