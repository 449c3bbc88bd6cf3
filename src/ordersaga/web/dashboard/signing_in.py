"""Sign in with an operator key, and sign out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ordersaga.web.dashboard.dependencies import COOKIE, Dashboard
from ordersaga.web.dashboard.rendering import render
from ordersaga.web.dashboard.security import local_path, same_origin
from ordersaga.web.dashboard.sessions import HOURS

_WRONG_KEY = "That key can't sign in here. Use a valid key with the scope operate."
_TOO_MANY_ATTEMPTS = "Too many attempts from your address. Wait a minute, then try again."

SAME_ORIGIN = [Depends(same_origin)]
router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
async def sign_in_page(
    request: Request, dashboard: Dashboard, target: Annotated[str, Query(alias="next")] = "/"
) -> Response:
    """The sign-in page. Redirects to the target if no sign-in is needed."""
    if dashboard.caller(request) is not None:
        return RedirectResponse(local_path(target), 303)
    return _page(local_path(target))


@router.post("/sign-in", dependencies=SAME_ORIGIN)
async def sign_in(
    request: Request,
    dashboard: Dashboard,
    key: Annotated[str, Form()] = "",
    target: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    """Start a session."""
    target = local_path(target)
    quota = await dashboard.sign_in_limiter.hit(request.client.host if request.client else "")
    if not quota.allowed:
        return _page(target, _TOO_MANY_ATTEMPTS, 429, quota.headers())
    session = dashboard.sessions.begin(key.strip())
    if session is None:
        return _page(target, _WRONG_KEY, 403)
    response = RedirectResponse(target, 303)
    response.set_cookie(
        COOKIE, session, max_age=HOURS * 3_600, httponly=True, samesite="strict", secure=_is_https(request)
    )
    return response


@router.post("/sign-out", dependencies=SAME_ORIGIN)
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
    """Whether the browser used HTTPS, at least as far as a proxy."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
