"""What a browser may do with the dashboard's pages, and whose requests are taken."""

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
# With no-referrer a browser says "Origin: null" of our own forms, and they could not be told from others'.
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
    """Puts the headers on every answer that has not its own. Static files may be kept, and are asked for again."""

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
    """Raise PageError unless the browser says that one of our own pages sent this.

    A cookie is sent along with a form on somebody else's page too, were it not for SameSite; this is the second lock,
    and the only one where no key is asked for.
    """
    says = "sec-fetch-site" in request.headers or "origin" in request.headers
    if not says or origin_problem(request.method, request.headers):
        raise PageError(
            403,
            "This did not come from the dashboard",
            "Another page tried to send this in your name, or your browser does not say which page sent it. "
            "Nothing was changed. Open the page here and try again.",
        )


def local_path(target: str) -> str:
    """The address if it leads to a page here, else the first page: a link must not send anybody elsewhere."""
    parts = urlsplit(target)
    here = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if here and not parts.scheme and not parts.netloc else "/"
