"""How every error of the API becomes a problem document (RFC 9457), and how the document of the API names them."""

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
    401: "`Unauthorized`: there is no valid key in `Authorization: Bearer`. Nothing was done.",
    403: "`Forbidden`: the key may not do this. Nothing was done.",
    404: "`OrderNotFound`: no order has this id, as far as this key may see.",
    409: "`OrderConflict`: the order id is taken by an order with other content. Nothing was started.",
    413: "`BodyTooLong`: the body is too long. Nothing was done.",
    415: "`UnsupportedMediaType`: the body is not sent as `application/json`. Nothing was done.",
    422: "`InvalidRequest` or `InvalidOrder`: `errors` lists what is wrong. Nothing was done.",
    429: "`TooManyRequests`: the key's rate is used up; `Retry-After` says for how many seconds. Nothing was done.",
    500: "`about:blank`: a bug. Whether the request took effect is unknown.",
    503: "`TemporalUnavailable`, `TemporalBusy`, `WorkerUnavailable`, `ServiceUnavailable` or `Unavailable`: something "
    "does not answer for now. Ask again after `Retry-After` seconds: nothing is done twice.",
}
_RETRY_AFTER = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
EVERY_ROUTE = (401, 403, 422, 429, 500, 503)


def problems(*statuses: int, **meanings: str) -> dict[int | str, dict[str, Any]]:
    """The documentation of the problems that a route may answer with, beside those of every route.

    `meanings` say something else of a status than usual: `s409="…"`.
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
    """The response to a request that ended by this error."""
    kind = type(error)
    status = next((_STATUSES[each] for each in kind.__mro__ if each in _STATUSES), 500)
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


async def _ours(_request: Request, error: Exception) -> Response:
    return problem_of(cast("OrdersagaError", error))


async def _http(request: Request, error: Exception) -> Response:
    response = await ALL_SERVERS[HTTPException](request, error)
    if cast("HTTPException", error).status_code == 405 and (allowed := _methods(request.app, request.url.path)):
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _methods(app: FastAPI, path: str) -> list[str]:
    """All methods of an address. The router names only those of the first route that it finds there."""
    found: set[str] = set()
    for template, operations in app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found |= {method.upper() for method in operations}
    return sorted(found)


ERROR_HANDLERS: Mapping[Any, ErrorHandler] = {**ALL_SERVERS, OrdersagaError: _ours, HTTPException: _http}
"""How every error becomes a problem document. A ServiceError has a handler of its own, which comes first."""
