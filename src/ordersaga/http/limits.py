"""Limits the size of request bodies."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MAX_DRAINED_BYTES = 16 << 20


class BodyLimit:
    """Responds 413 to bodies of more than `limit` bytes. Starlette has such a limit too, but responds in plain text.

    A client that asks first (Expect: 100-continue) gets the response at once. Other bodies are read up to 16 MiB before
    the response, because many clients do not read a response before they have sent the whole body.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

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
            if asks_first and announced.isdecimal() and int(announced[:20]) > self.limit:
                raise self._too_long()
            message = await receive()
            size += len(message.get("body", b""))
            while size > self.limit:
                if not message.get("more_body") or size > _MAX_DRAINED_BYTES:
                    raise self._too_long()
                message = await receive()
                size += len(message.get("body", b""))
            return message

        await self.app(scope, limited, send)

    def _too_long(self) -> HTTPException:
        return HTTPException(413, f"The body has more than {self.limit:,} bytes. The request had no effect. Send less.")
