"""Raw HTTP requests to the API that no client library would send, and the API as a separate process."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from tests.acceptance.harness import started
from tests.api.harness import Answer, Api

PATIENCE = 30.0


async def spoken(api: Api, target: str, method: str = "GET", body: bytes = b"", *lines: str) -> Answer:
    """Send this request target unchanged, and return the answer. `lines` are further header lines."""
    place = urlsplit(api.url)
    head = [f"{method} {target} HTTP/1.1", "Connection: close", *(f"{k}: {v}" for k, v in api.headers.items()), *lines]
    if not any(line.lower().startswith("host:") for line in lines):
        head.append(f"Host: {place.netloc}")
    if body:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write("\r\n".join([*head, "", ""]).encode("latin-1") + body)
        async with asyncio.timeout(PATIENCE):
            found = await reader.read()
    finally:
        writer.close()
    top, _, rest = found.partition(b"\r\n\r\n")
    status, *fields = top.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    return Answer(int(status.split()[1]), headers, rest.decode())


@asynccontextmanager
async def as_process(api: Api, env: dict[str, str], port: int = 0) -> AsyncIterator[tuple[Api, subprocess.Popen[str]]]:
    """Run `ordersaga api` with this environment, and yield a client for it like this one."""
    process = started("api", "--json", "--port", port, where=env)
    assert process.stdout
    try:
        line = await asyncio.to_thread(process.stdout.readline)
        assert line, process.stderr and process.stderr.read()
        yield replace(api, url=json.loads(line)["api"]), process
    finally:
        process.kill()
        await asyncio.to_thread(process.communicate)
