"""Turns every error of the API into a problem document (RFC 9457), and documents them in the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ordersaga.domain.errors import (
    DecisionRefused,
    InvalidCursor,
    InvalidOrder,
    OrderConflict,
    OrderNotFound,
    OrdersagaError,
    Unavailable,
)
from ordersaga.http.problem import ERROR_HANDLERS as ALL_SERVERS
from ordersaga.http.problem import PROBLEM_JSON, RETRY_AFTER_SECONDS, ErrorHandler, problem_response

_STATUSES: Mapping[type[OrdersagaError], int] = {
    InvalidOrder: 422,
    InvalidCursor: 404,
    OrderConflict: 409,
    DecisionRefused: 409,
    OrderNotFound: 404,
    Unavailable: 503,
}
_MEANINGS = {
    401: "`Unauthorized`: `Authorization: Bearer` has no valid key. Nothing was done.",
    403: "`Forbidden`: the key does not allow this. Nothing was done.",
    404: "`OrderNotFound`: no order that this key may see has this id.",
    409: "`OrderConflict`: an order with this id but different content exists. Nothing was started.",
    413: "`BodyTooLong`: the body is too large. Nothing was done.",
    415: "`UnsupportedMediaType`: the body was not sent as `application/json`. Nothing was done.",
    422: "`InvalidRequest` or `InvalidOrder`: `errors` lists what is wrong. Nothing was done.",
    429: "`TooManyRequests`: the key's rate limit is exceeded. Nothing was done. Retry after `Retry-After` seconds.",
    500: "`about:blank`: a bug. Whether the request took effect is unknown.",
    503: "`TemporalUnavailable`, `TemporalBusy`, `WorkerUnavailable`, `ServiceUnavailable` or `Unavailable`: something "
    "is not responding. Retry after `Retry-After` seconds: nothing is done twice.",
}
_RETRY_AFTER = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
EVERY_ROUTE = (401, 403, 422, 429, 500, 503)


def problems(*statuses: int, **meanings: str) -> dict[int | str, dict[str, Any]]:
    """Document the problems that a route may respond with, in addition to those of every route.

    `meanings` replace the usual description of a status: `s409="…"`.
    """
    return {
        status: {
            "description": meanings.get(f"s{status}", _MEANINGS[status]),
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            **({"headers": {"Retry-After": _RETRY_AFTER}} if status in (429, 503) else {}),
        }
        for status in sorted({*EVERY_ROUTE, *statuses})
    }


def problem_of(error: OrdersagaError) -> Response:
    """The response for this error."""
    kind = type(error)
    status = next((_STATUSES[base] for base in kind.__mro__ if base in _STATUSES), 500)
    title = (kind.__doc__ or "").strip().split(". ")[0].rstrip(".")
    members = (
        {"errors": [f"{path}: {problem}" if path else problem for path, problem in error.problems]}
        if (isinstance(error, InvalidOrder))
        else {}
    )
    response = problem_response(kind.__name__, status, title, str(error), **members)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


async def _ordersaga_error(_request: Request, error: Exception) -> Response:
    return problem_of(cast("OrdersagaError", error))


async def _http_error(request: Request, error: Exception) -> Response:
    response = await ALL_SERVERS[HTTPException](request, error)
    if cast("HTTPException", error).status_code == 405 and (allowed := _methods(request.app, request.url.path)):
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _methods(app: FastAPI, path: str) -> list[str]:
    """All methods of a path. The router itself reports only those of the first route that matches."""
    methods: set[str] = set()
    for template, operations in app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            methods |= {method.upper() for method in operations}
    return sorted(methods)


ERROR_HANDLERS: Mapping[Any, ErrorHandler] = {
    **ALL_SERVERS,
    OrdersagaError: _ordersaga_error,
    HTTPException: _http_error,
}
"""The handler for each kind of error. ServiceError has its own handler, which takes precedence."""
