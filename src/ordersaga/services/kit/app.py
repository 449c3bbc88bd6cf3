"""What every service's HTTP application has: problem documents for all errors, a limit for bodies, health, OpenAPI."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ordersaga.contracts.common import Problem
from ordersaga.domain.errors import InvalidRequest, ServiceError
from ordersaga.services.kit.answer import PROBLEM_JSON, RETRY_AFTER_SECONDS, error_response, problem, refusal
from ordersaga.services.kit.store import BooksUnavailable, Store, Transaction

MAX_BODY_BYTES = 1 << 20
_MAX_DRAINED_BYTES = 16 << 20


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
    )
    app.add_middleware(BodyLimit)

    async def healthz() -> Response:
        """Whether the service can read its books."""
        await store.read(probe)
        return JSONResponse({"status": "ok", "service": name})

    app.add_api_route("/healthz", healthz, response_model=dict[str, str])
    return app


def problems(*errors: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """The documentation of the problems that a route may answer with, beside InvalidRequest."""
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


class BodyLimit:
    """Answers 413 to a body that is too long. Starlette has such a limit too, but its answer is plain text.

    A sender that asked first (Expect: 100-continue) is told at once. Any other is heard out, within reason: one that is
    cut off while it sends would not see the answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        size = 0
        headers = Headers(scope=scope)
        asks_first = "100-continue" in headers.get("expect", "").lower()
        announced = headers.get("content-length", "")

        async def limited() -> Message:
            nonlocal size
            if asks_first and announced.isdecimal() and int(announced[:20]) > MAX_BODY_BYTES:
                raise _too_long()
            message = await receive()
            size += len(message.get("body", b""))
            while size > MAX_BODY_BYTES:
                if not message.get("more_body") or size > _MAX_DRAINED_BYTES:
                    raise _too_long()
                message = await receive()
                size += len(message.get("body", b""))
            return message

        await self.app(scope, limited, send)


def _too_long() -> HTTPException:
    return HTTPException(413, f"The body has more than {MAX_BODY_BYTES:,} bytes. The request had no effect.")


async def probe(tx: Transaction) -> None:
    """Read nothing: whether the database answers."""
    await tx.fetch_one("SELECT 1")


async def _service_error(_request: Request, error: Exception) -> Response:
    return error_response(cast("ServiceError", error))


async def _invalid(_request: Request, error: Exception) -> Response:
    found = [_words(each) for each in cast("RequestValidationError", error).errors()]
    return refusal(InvalidRequest(f"{'; '.join(found[:20])}. The request had no effect."), errors=found).response()


async def _http_error(_request: Request, error: Exception) -> Response:
    failure = cast("HTTPException", error)
    phrase = HTTPStatus(failure.status_code).phrase
    kind = _KINDS.get(failure.status_code) or phrase.title().replace(" ", "")
    detail = _DETAILS.get(failure.status_code, failure.detail)
    response = problem(kind, failure.status_code, phrase, detail).response()
    response.headers.update(failure.headers or {})
    return response


async def _unavailable(_request: Request, error: Exception) -> Response:
    response = problem("ServiceUnavailable", 503, HTTPStatus.SERVICE_UNAVAILABLE.phrase, str(error)).response()
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


async def _bug(_request: Request, _error: Exception) -> Response:
    detail = "Something went wrong in the service; its log says what. Whether the request took effect is unknown."
    return problem("about:blank", 500, "Internal Server Error", detail).response()


def _words(error: Mapping[str, Any]) -> str:
    """One validation error in plain words, such as "items[0].qty: input should be greater than or equal to 1"."""
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
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
}

ERROR_HANDLERS: Mapping[Any, Callable[[Request, Exception], Coroutine[Any, Any, Response]]] = {
    ServiceError: _service_error,
    BooksUnavailable: _unavailable,
    RequestValidationError: _invalid,
    HTTPException: _http_error,
    Exception: _bug,
}
"""How every error becomes a problem document."""
