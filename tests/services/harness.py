"""The services on a free port: in a thread of this process, or in a process that can be killed."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import uvicorn

from ordersaga.settings import Settings

START_SECONDS = 30.0
ROOT = Path(__file__).parents[2]
Database: TypeAlias = Path | str
"""A folder for SQLite files, or the URL of a database."""


def url_of(database: Database) -> str:
    """The database's URL."""
    return f"sqlite:///{database}" if isinstance(database, Path) else database


class Running:
    """The services on one database. `start` returns when they answer, `stop` when they have ended."""

    def __init__(self, database: Database, smtp_url: str | None = None, only: list[str] | None = None) -> None:
        from ordersaga.http.server import configuration
        from ordersaga.services.main import create_app

        settings = Settings(database_url=url_of(database), smtp_url=smtp_url)
        config = configuration(create_app(settings, only), port=0, log_config=None)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> str:
        """Start, and return the services' URL."""
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            assert self._thread.is_alive(), "the services ended while they started"
            assert time.monotonic() < deadline, "the services did not start"
            time.sleep(0.01)
        host, port = self._server.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def stop(self) -> None:
        """Stop cleanly."""
        self._server.should_exit = True
        self._thread.join(START_SECONDS)
        assert not self._thread.is_alive(), "the services did not stop"

    def wait(self) -> None:
        """Wait for the end, which only a signal triggers."""
        self._thread.join()


@asynccontextmanager
async def serving(database: Database, smtp_url: str | None = None, only: list[str] | None = None) -> AsyncIterator[str]:
    """Run the services in a thread; yields their URL.

    The caller's event loop is not blocked while they start and stop.
    """
    services = Running(database, smtp_url, only)
    url = await asyncio.to_thread(services.start)
    try:
        yield url
    finally:
        await asyncio.to_thread(services.stop)


@asynccontextmanager
async def mortal(database: Database, *smtp_url: str) -> AsyncIterator[tuple[str, Process]]:
    """Run the services in their own process, so that it can be killed; yields their URL and the process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.services.harness", url_of(database), *smtp_url, stdout=PIPE, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        assert line, "the services ended while they started"
        yield line.decode().strip(), process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


if __name__ == "__main__":
    services = Running(sys.argv[1], sys.argv[2] if sys.argv[2:] else None)
    sys.stdout.write(services.start() + "\n")
    sys.stdout.flush()
    services.wait()
