"""Signing in with an operator's key, and out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ordersaga.web.dashboard.dependencies import COOKIE, Dashboard
from ordersaga.web.dashboard.rendering import render
from ordersaga.web.dashboard.security import local_path, same_origin
from ordersaga.web.dashboard.sessions import HOURS

_NO_KEY = "This is no operator's key. Nobody was signed in."
_TOO_OFTEN = "Too many tries from your address. Nobody was signed in; wait a minute."

OURS = [Depends(same_origin)]
router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
async def sign_in_page(
    request: Request, dashboard: Dashboard, target: Annotated[str, Query(alias="next")] = "/"
) -> Response:
    """The page; where nobody needs to sign in, or one has, it leads on."""
    if dashboard.caller(request) is not None:
        return RedirectResponse(local_path(target), 303)
    return _page(local_path(target))


@router.post("/sign-in", dependencies=OURS)
async def sign_in(
    request: Request,
    dashboard: Dashboard,
    key: Annotated[str, Form()] = "",
    target: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    """Begin a session."""
    target = local_path(target)
    quota = await dashboard.tries.hit(request.client.host if request.client else "")
    if not quota.allowed:
        return _page(target, _TOO_OFTEN, 429, quota.headers())
    session = dashboard.sessions.begin(key.strip())
    if session is None:
        return _page(target, _NO_KEY, 403)
    response = RedirectResponse(target, 303)
    response.set_cookie(
        COOKIE, session, max_age=HOURS * 3_600, httponly=True, samesite="strict", secure=_is_https(request)
    )
    return response


@router.post("/sign-out", dependencies=OURS)
async def sign_out(request: Request, dashboard: Dashboard) -> Response:
    """End the session."""
    dashboard.sessions.end(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=_is_https(request))
    return response


def _page(target: str, problem: str = "", status: int = 200, headers: dict[str, str] | None = None) -> Response:
    layout = SimpleNamespace(page="", waiting=0, caller_name=None, banners=[])
    context = {"layout": layout, "next": target, "problem": problem, "hours": HOURS}
    return HTMLResponse(render("sign_in.html", context), status, headers)


def _is_https(request: Request) -> bool:
    """Whether the browser came by https, if only as far as a proxy."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
