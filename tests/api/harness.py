"""The API in a thread, on a real port, and an HTTP client for it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import uvicorn

from ordersaga.http.server import configuration
from ordersaga.settings import Settings
from ordersaga.web.app import create_app

START_SECONDS = 30.0
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Answer:
    """An answer of the API."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)

    def problem(self, status: int, kind: str) -> dict[str, Any]:
        """The problem document, which the answer must be."""
        assert self.headers["content-type"] == PROBLEM, self.text
        found: dict[str, Any] = self.json
        assert (self.status, found["status"], found["type"]) == (status, status, kind), self.text
        assert found["title"]
        assert found["detail"]
        return found


@dataclass(frozen=True)
class Api:
    """The API at a URL, called with these headers."""

    url: str
    session: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    def with_key(self, secret: str) -> Api:
        """The same, with a key."""
        return replace(self, headers=self.headers | {"Authorization": f"Bearer {secret}"})

    async def call(
        self, method: str, path: str, body: object = None, *, raw: bytes | None = None, **headers: str
    ) -> Answer:
        """Make a call. `body` is sent as JSON, `raw` as it is; a header `content_type` is sent as Content-Type."""
        data = raw if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if data is not None else {}
        sent |= self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(
            method, self.url + path, data=data, headers=sent, allow_redirects=False
        ) as response:
            found = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, found, await response.text())

    async def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return await self.call("GET", path, None, raw=None, **headers)

    async def post(self, path: str, body: object = None, **headers: str) -> Answer:
        """POST JSON."""
        return await self.call("POST", path, body, raw=None, **headers)

    async def place(self, document: dict[str, Any], **headers: str) -> Answer:
        """Place an order."""
        return await self.post("/v1/orders", document, **headers)


@asynccontextmanager
async def serving(settings: Settings, **temporal: Any) -> AsyncIterator[Api]:
    """Run the API in its own thread, and yield a client without a key."""
    app = create_app(settings, **temporal)
    config = configuration(app, port=0, log_config=None, timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    async with asyncio.timeout(START_SECONDS):
        while not server.started:
            assert thread.is_alive(), "the API ended while it started"
            await asyncio.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    try:
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            yield Api(f"http://{host}:{port}", session)
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join, START_SECONDS)
        assert not thread.is_alive(), "the API did not stop"


def wire(order: Any, **changes: Any) -> dict[str, Any]:
    """An order as JSON."""
    document: dict[str, Any] = order.model_dump(mode="json", exclude_none=True)
    return document | changes
