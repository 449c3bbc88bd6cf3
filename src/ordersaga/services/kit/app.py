"""The common parts of every service's HTTP application: problem documents, a body limit, health, OpenAPI."""

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
from ordersaga.services.kit.store import DatabaseUnavailable, Store, Transaction

MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its application, and what must run as long as it answers."""

    name: str
    app: FastAPI
    store: Store
    lifespan: Callable[[], AbstractAsyncContextManager[None]]


def new_app(name: str, summary: str, store: Store) -> FastAPI:
    """Create an application without its own routes."""
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
        """Whether the service can read its database."""
        await store.read(probe)
        return JSONResponse({"status": "ok", "service": name})

    app.add_api_route("/healthz", healthz, response_model=dict[str, str])
    return app


async def probe(tx: Transaction) -> None:
    """Check that the database answers."""
    await tx.fetch_one("SELECT 1")


async def _unavailable(_request: Request, error: Exception) -> Response:
    return unavailable_response(str(error))


ERROR_HANDLERS: Mapping[Any, ErrorHandler] = {**ALL_SERVERS, DatabaseUnavailable: _unavailable}
"""The mapping from each error of a service to a problem document."""
