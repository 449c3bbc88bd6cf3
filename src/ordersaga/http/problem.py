"""Problem documents (RFC 9457), and the handlers that turn every error of a server into one."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any, cast

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ordersaga.contracts.common import Problem
from ordersaga.domain.errors import InProgress, InvalidRequest, ServiceError

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_SECONDS = 1


def problem_text(kind: str, status: int, title: str, detail: str, **members: Any) -> str:
    """A problem document as JSON. It is pure ASCII, so that quoted input with lone surrogates can be encoded."""
    return json.dumps({"type": kind, "title": title, "status": status, "detail": detail, **members})


def problem_response(kind: str, status: int, title: str, detail: str, **members: Any) -> Response:
    """A response with a problem document."""
    return Response(problem_text(kind, status, title, detail, **members), status, media_type=PROBLEM_JSON)


def error_text(error: ServiceError, **members: Any) -> str:
    """The problem document of an error, with additional members, such as the shortages."""
    kind = type(error)
    title = (kind.__doc__ or "").strip().split(". ")[0].rstrip(".")
    return problem_text(kind.problem_type, kind.http_status, title, str(error), **members)


def error_response(error: ServiceError, **members: Any) -> Response:
    """The response for this error, with additional members."""
    response = Response(error_text(error, **members), error.http_status, media_type=PROBLEM_JSON)
    if isinstance(error, InProgress):
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def unavailable_response(detail: str) -> Response:
    """A temporary failure: 503 with Retry-After."""
    response = problem_response("ServiceUnavailable", 503, HTTPStatus.SERVICE_UNAVAILABLE.phrase, detail)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def problems(*errors: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """Document the problems that a route may respond with, in addition to InvalidRequest."""
    documented: dict[int | str, dict[str, Any]] = {}
    every: tuple[type[ServiceError], ...] = (*errors, InvalidRequest)
    for error in every:
        text = f"`{error.problem_type}`: {error.__doc__}"
        known = documented.get(error.http_status, {}).get("description")
        documented[error.http_status] = {
            "description": f"{known}\n\n{text}" if known else text,
            "content": {PROBLEM_JSON: {"schema": Problem.model_json_schema()}},
        }
    return documented


async def _service_error(_request: Request, error: Exception) -> Response:
    return error_response(cast("ServiceError", error))


async def _invalid(_request: Request, error: Exception) -> Response:
    found = [_describe(problem) for problem in cast("RequestValidationError", error).errors()]
    return error_response(InvalidRequest(f"{'; '.join(found[:20])}. The request had no effect."), errors=found)


async def _http_error(_request: Request, error: Exception) -> Response:
    failure = cast("HTTPException", error)
    phrase = HTTPStatus(failure.status_code).phrase
    kind = _KINDS.get(failure.status_code) or phrase.title().replace(" ", "")
    detail = _DETAILS.get(failure.status_code, failure.detail)
    response = problem_response(kind, failure.status_code, phrase, detail)
    response.headers.update(failure.headers or {})
    return response


async def _bug(_request: Request, _error: Exception) -> Response:
    detail = "This is a bug; the server's log has the details. Whether the request took effect is unknown."
    return problem_response("about:blank", 500, "Internal Server Error", detail)


def _describe(error: Mapping[str, Any]) -> str:
    """One validation error as text, such as "items[0].qty: input should be greater than or equal to 1"."""
    if error["type"] == "json_invalid":
        return "the body is not JSON"
    if error["type"] == "missing" and error["loc"] == ("body",):
        return "the body is missing"
    if error["type"] in ("model_attributes_type", "dict_type") and error["loc"] == ("body",):
        return "the body must be a JSON object, sent with Content-Type: application/json"
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"][1:]).lstrip(".")
    message = error["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return f"{path[:200]}: {message}" if path else message


_KINDS = {400: "InvalidRequest", 413: "BodyTooLong"}
_DETAILS = {
    400: "The body cannot be read. The request had no effect.",
    404: "There is nothing at this URL. Nothing was changed.",
    405: "This URL does not support this method. Nothing was changed.",
}

ErrorHandler = Callable[[Request, Exception], Coroutine[Any, Any, Response]]

ERROR_HANDLERS: Mapping[Any, ErrorHandler] = {
    ServiceError: _service_error,
    RequestValidationError: _invalid,
    HTTPException: _http_error,
    Exception: _bug,
}
"""The handler for each kind of error."""
