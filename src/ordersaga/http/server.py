"""Runs one HTTP server in this process until a signal stops it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from ordersaga.domain.errors import OrdersagaError

_SHUTDOWN_SECONDS = 10


def run(
    app: ASGIApp,
    host: str,
    port: int,
    on_ready: Callable[[int], None] | None = None,
    name: str = "The server",
    on_stop: Callable[[], None] | None = None,
) -> None:
    """Serve the application until SIGTERM or Ctrl-C, then finish the open requests and return.

    Port 0 takes a free one. `on_ready` is called with the port once the server responds, in a thread of its own.
    `on_stop` is called in the event loop when the shutdown starts, so that endless responses, such as event streams,
    can end. Responses that are still open after 10 seconds are cut off. Raises OrdersagaError if the port is taken.
    """
    with _listen(host, port, name) as listener, _signals_that_only_stop():
        _Server(configuration(app), on_ready, on_stop).run(sockets=[listener])


def configuration(app: ASGIApp, **changes: Any) -> uvicorn.Config:
    """The configuration of every server of ours. Tests change single settings."""
    usual: dict[str, Any] = {
        "log_level": "warning",
        "access_log": False,
        "lifespan": "on",
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": 60,
        "timeout_graceful_shutdown": _SHUTDOWN_SECONDS,
    }
    return uvicorn.Config(app, **usual | changes)


class _Server(uvicorn.Server):
    """A server that calls back when it responds, with its port, and when it is about to stop."""

    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[int], None] | None, on_stop: Callable[[], None] | None
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._on_ready and self.started and sockets:
            await asyncio.to_thread(self._on_ready, sockets[0].getsockname()[1])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._on_stop:
            self._on_stop()
        await super().shutdown(sockets)


def _listen(host: str, port: int, name: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        reason = _reason(error) if isinstance(error, OSError) else error
        raise OrdersagaError(
            f"{name} cannot listen on {host} port {port} ({reason}). Nothing was started. Choose another port."
        ) from None


def _reason(error: OSError) -> str | None:
    """The system's message without the address that Python adds. Errors of name resolution have an errno below 0."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror


@contextmanager
def _signals_that_only_stop() -> Iterator[None]:
    """Swallow the signal that uvicorn raises again after its shutdown; by then there is nothing left to stop."""
    stops = (signal.SIGTERM, signal.SIGINT)
    before = {stop: signal.signal(stop, lambda *_: None) for stop in stops}
    try:
        yield
    finally:
        for stop, handler in before.items():
            signal.signal(stop, handler)
