"""One request on its way through the proxy, and what the proxy can do with it."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from yarl import URL

from ordersaga.stack.faults.fault import Fired

_KEPT_HEADERS = ("Content-Type", "Retry-After")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Answer:
    """The service's answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def response(self, body: bytes | None = None, status: int | None = None) -> web.Response:
        """The answer, with another body or status if one is given."""
        return web.Response(
            status=status or self.status, headers=self.headers, body=self.body if body is None else body
        )


class Hold:
    """Where held calls wait."""

    def __init__(self) -> None:
        self._released = asyncio.Event()
        self._closing = False

    @property
    def released(self) -> asyncio.Event:
        """Set when the calls that have arrived so far are released."""
        return self._released

    @property
    def closing(self) -> bool:
        """Whether calls are released only to end."""
        return self._closing

    def release(self) -> None:
        """Release the calls that have arrived so far, including those that have not started to wait yet."""
        self._released.set()
        self._released = asyncio.Event()

    def close(self) -> None:
        """Release the waiting calls, but only to end."""
        self._closing = True
        self._released.set()


class Exchange:
    """A request. `undone` is set when the call after which it is rejected, such as its undo, has succeeded."""

    def __init__(
        self, session: aiohttp.ClientSession, upstream: str, request: web.Request, body: bytes, hold: Hold
    ) -> None:
        self.undone = asyncio.Event()
        self.fired: Fired | None = None
        self.answered_well = False
        self._hold, self._released = hold, hold.released
        self._session = session
        self._url = URL(upstream + request.raw_path, encoded=True)
        self._request = request
        self._body = body

    @property
    def url(self) -> str:
        """The URL of the request at the service itself."""
        return str(self._url)

    async def held(self, *events: asyncio.Event) -> bool:
        """Wait for the release or for one of the events.

        Returns whether the call may continue; at the close, it may not.
        """
        waits = [asyncio.create_task(event.wait()) for event in (self._released, *events)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return not self._hold.closing

    async def pass_on(self, body: bytes | None = None) -> web.StreamResponse:
        """Forward the request, and return the service's answer, with another body if one is given."""
        answer = await self.effect()
        return self.reset() if answer is None else self.closing(answer.response(body))

    async def effect(self) -> Answer | None:
        """Forward the request, and return the answer; None if the service cannot be reached."""
        try:
            answer = await self._ask()
        except (aiohttp.ClientError, OSError):
            return None
        if self.fired is not None:
            self.fired.status = answer.status
        self.answered_well = answer.status < 300
        return answer

    def reset(self) -> web.StreamResponse:
        """Break the connection with a TCP reset. The returned response reaches nobody."""
        transport = self._request.transport
        if transport is not None:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        return web.Response()

    async def break_off(self, answer: Answer) -> web.StreamResponse:
        """Send half of an answer's body, and close the connection."""
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_length = len(answer.body)
        await response.prepare(self._request)
        await response.write(answer.body[: len(answer.body) // 2])
        if self._request.transport is not None:
            self._request.transport.close()
        return response

    def closing(self, response: web.Response) -> web.Response:
        """An answer that closes the connection. A client retries by itself only on a connection that it reuses."""
        response.force_close()
        return response

    def problem(self, status: int, headers: dict[str, str] | None = None, kind: str = "about:blank") -> web.Response:
        """An error answer."""
        body = {"type": kind, "title": "a fault injected by the proxy", "status": status}
        return self.closing(
            web.json_response(body, status=status, headers=headers, content_type="application/problem+json")
        )

    async def _ask(self) -> Answer:
        headers = {name: self._request.headers[name] for name in _KEPT_HEADERS if name in self._request.headers}
        async with self._session.request(
            self._request.method, self._url, data=self._body or None, headers=headers, allow_redirects=False
        ) as answer:
            kept = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
            return Answer(answer.status, kept, await answer.read())
