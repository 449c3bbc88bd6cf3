"""Error pages for browsers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ordersaga.domain.errors import InvalidCursor, OrderNotFound, OrdersagaError, Unavailable
from ordersaga.web.dashboard.rendering import render, url

Handler = Callable[[Request, Exception], Awaitable[Response]]

_TEXTS = {
    404: ("Page not found", "There is no page at this address. The link may be incomplete."),
    405: ("Not possible here", "This address does not accept this kind of request. Nothing was changed."),
    413: (
        "Too much data",
        "The form contains too much data. Nothing was changed. Shorten it and try again.",
    ),
    422: ("Invalid request", "The address or the form contains a value that is not valid. Nothing was changed."),
    429: ("Too many requests", "Nothing was changed. Wait a moment, then try again."),
    500: (
        "Something went wrong",
        "This is a bug; the log of `ordersaga api` has the details. Check the order before you retry.",
    ),
}


class PageError(Exception):
    """An error that is shown on a page of its own."""

    def __init__(self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})


class SignInNeeded(Exception):
    """The visitor has not signed in, or the key was revoked."""


def error_page(status: int, title: str, detail: str, back: str | None = None) -> HTMLResponse:
    """The page for an error. `back` is the address that its button retries."""
    layout = SimpleNamespace(page="", waiting=0, caller_name=None, banners=[])
    context = {"layout": layout, "status": status, "title": title, "detail": detail, "back": back}
    return HTMLResponse(render("error.html", context), status)


def add_error_pages(app: FastAPI) -> None:
    """Answer errors with a page if a browser asked for one. All other requests keep their current error handlers."""
    app.add_exception_handler(PageError, _page_error)
    app.add_exception_handler(SignInNeeded, _sign_in)
    kinds: tuple[type[Exception], ...] = (HTTPException, RequestValidationError, Exception, *_order_errors(app))
    for kind in kinds:
        before = cast("Handler | None", app.exception_handlers.get(kind))
        app.add_exception_handler(kind, _for_browsers(before))


def _order_errors(app: FastAPI) -> list[type[Exception]]:
    registered = [
        kind for kind in app.exception_handlers if isinstance(kind, type) and issubclass(kind, OrdersagaError)
    ]
    return list(dict.fromkeys([OrdersagaError, *registered]))


def _for_browsers(before: Handler | None) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        if before is not None and not _wants_page(request):
            return await before(request, error)
        return _page_of(request, error)

    return handle


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")


def _page_of(request: Request, error: Exception) -> Response:
    again = request.url.path if request.method == "GET" else None
    if isinstance(error, OrderNotFound):
        detail = f"{error} Check the id, and that this dashboard uses the right Temporal namespace and register."
        return error_page(404, "Order not found", detail)
    if isinstance(error, Unavailable):
        page = error_page(503, "Not available right now", str(error), again)
        page.headers["Retry-After"] = "5"
        return page
    if isinstance(error, InvalidCursor):
        return error_page(
            400,
            "Page no longer available",
            "This page of the list no longer exists. Start again from the newest orders.",
        )
    status = 422 if isinstance(error, RequestValidationError) else int(getattr(error, "status_code", 500))
    title, detail = _TEXTS.get(status) or (HTTPStatus(status).phrase, str(getattr(error, "detail", "")))
    page = error_page(status, title, detail)
    page.headers.update(getattr(error, "headers", None) or {})
    return page


async def _page_error(_request: Request, error: Exception) -> Response:
    failure = cast("PageError", error)
    page = error_page(failure.status, failure.title, failure.detail)
    page.headers.update(failure.headers)
    return page


async def _sign_in(request: Request, _error: Exception) -> Response:
    """Redirect to the sign-in page, and from there back to the requested page."""
    query: dict[str, Any] = {}
    if request.method == "GET":
        query["next"] = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = url("/sign-in", query)
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": target})
    return RedirectResponse(target, 303)
