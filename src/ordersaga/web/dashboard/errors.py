"""A plain page for every error, for whoever looks with a browser."""

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

_LABELS = {
    404: ("There is nothing here", "No page has this address. A link may have been cut short."),
    405: ("This cannot be done here", "This address takes another kind of request. Nothing was changed."),
    413: ("That is too much", "What was sent is longer than any form here. Nothing was changed."),
    422: ("This cannot be read", "Something in the address or the form is not as it should be. Nothing was changed."),
    429: ("Too many requests", "Wait a moment, then try again. Nothing was changed."),
    500: ("Something went wrong here", "The log of `ordersaga api` says what. Look at the order before you try again."),
}


class PageError(Exception):
    """Something to be told on a page of its own."""

    def __init__(self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})


class SignInNeeded(Exception):
    """Nobody has signed in, or the key is gone."""


def error_page(status: int, title: str, detail: str, back: str | None = None) -> HTMLResponse:
    """A page that says what happened."""
    layout = SimpleNamespace(page="", waiting=0, caller_name=None, banners=[])
    context = {"layout": layout, "status": status, "title": title, "detail": detail, "back": back}
    return HTMLResponse(render("error.html", context), status)


def add_error_pages(app: FastAPI) -> None:
    """Answer errors with pages where a browser asked for one, and leave all others as they are handled now."""
    app.add_exception_handler(PageError, _page_error)
    app.add_exception_handler(SignInNeeded, _sign_in)
    kinds: tuple[type[Exception], ...] = (HTTPException, RequestValidationError, Exception, *_ours(app))
    for kind in kinds:
        before = cast("Handler | None", app.exception_handlers.get(kind))
        app.add_exception_handler(kind, _for_browsers(before))


def _ours(app: FastAPI) -> list[type[Exception]]:
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
        detail = f"{error} It may have been placed elsewhere, or be forgotten: Temporal keeps ended orders for a time."
        return error_page(404, "There is no such order", detail)
    if isinstance(error, Unavailable):
        page = error_page(503, "No answer for now", str(error), again)
        page.headers["Retry-After"] = "5"
        return page
    if isinstance(error, InvalidCursor):
        return error_page(400, "This page of the list is gone", "Begin at the newest orders again.")
    status = 422 if isinstance(error, RequestValidationError) else int(getattr(error, "status_code", 500))
    title, detail = _LABELS.get(status) or (HTTPStatus(status).phrase, str(getattr(error, "detail", "")))
    page = error_page(status, title, detail)
    page.headers.update(getattr(error, "headers", None) or {})
    return page


async def _page_error(_request: Request, error: Exception) -> Response:
    flash = cast("PageError", error)
    page = error_page(flash.status, flash.title, flash.detail)
    page.headers.update(flash.headers)
    return page


async def _sign_in(request: Request, _error: Exception) -> Response:
    """To the sign-in, and from there back to where one wanted to be."""
    wanted: dict[str, Any] = {}
    if request.method == "GET":
        wanted["next"] = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = url("/sign-in", wanted)
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": target})
    return RedirectResponse(target, 303)
