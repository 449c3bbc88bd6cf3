"""Security headers for the dashboard's pages, and the check that a form was sent by one of them."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ordersaga.web.access.browsers import origin_problem
from ordersaga.web.dashboard.errors import PageError

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
# With no-referrer, browsers send "Origin: null" with our own forms, so that they look like those of other sites.
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
STATIC = "/static"


class SecurityHeaders:
    """Adds the headers to every response that does not set its own. Static files may be cached, but are revalidated."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        static = scope["path"].startswith(f"{STATIC}/")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, "no-cache" if static and name == "Cache-Control" else value)
            await send(message)

        await self.app(scope, receive, guarded)


def same_origin(request: Request) -> None:
    """Raise PageError unless the browser says that one of our own pages sent the request.

    SameSite keeps browsers from sending the cookie with another site's form. This check is the second line of defence,
    and the only one where no key is required.
    """
    has_source = "sec-fetch-site" in request.headers or "origin" in request.headers
    if not has_source or origin_problem(request.method, request.headers):
        raise PageError(
            403,
            "Request blocked",
            "It did not come from a page of this dashboard, or your browser did not say where it came from. "
            "Nothing was changed. Open the page in the dashboard and try again.",
        )


def local_path(target: str) -> str:
    """The target if it is a page of this dashboard, else "/": a link must not redirect to another site."""
    parts = urlsplit(target)
    is_local = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if is_local and not parts.scheme and not parts.netloc else "/"
