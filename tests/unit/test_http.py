"""Properties of every server that the services do not show: endless answers learn of the end, and the time limit."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ordersaga.http.limits import BodyLimit
from ordersaga.http.problem import ERROR_HANDLERS

PATIENCE = 8.0
"""Less than the 10 seconds after which an answer is cut off."""

SCRIPT = """
import asyncio
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route
from ordersaga.http.server import run

stopping = asyncio.Event()

async def events(request):
    async def endless():
        yield "first\\n"
        await stopping.wait()
        yield "last\\n"
    return StreamingResponse(endless())

run(Starlette(routes=[Route("/", events)]), "127.0.0.1", 0, lambda port: print(port, flush=True), on_stop=stopping.set)
print("returned", flush=True)
"""


def test_an_endless_answer_learns_of_the_end() -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            connection.request("GET", "/")
            answer = connection.getresponse()
            assert answer.readline() == b"first\n"
            process.send_signal(signal.SIGTERM)
            assert answer.read() == b"last\n"
        out, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, "returned\n")


@pytest.mark.parametrize(("size", "status"), [(10, 200), (11, 413)])
async def test_each_application_has_its_own_limit(size: int, status: int) -> None:
    async def echo(request: Request) -> Response:
        return Response(await request.body())

    app = Starlette(routes=[Route("/", echo, methods=["POST"])], exception_handlers=dict(ERROR_HANDLERS))
    app.add_middleware(BodyLimit, limit=10)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * size}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}, receive, send)
    assert sent[0]["status"] == status
    if status == 413:
        assert (b"content-type", b"application/problem+json") in sent[0]["headers"]
        problem = json.loads(sent[1]["body"])
        assert problem["type"] == "BodyTooLong"
        assert "more than 10 bytes" in problem["detail"]
