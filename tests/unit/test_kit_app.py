"""What the HTTP tests cannot reach in the services' application: an unexpected error."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest

from ordersaga.services.kit.app import new_app


class BrokenStore:
    """A store in which every transaction fails because of a bug."""

    is_shared = False

    def migrate(self) -> None:
        """Do nothing."""

    def lifespan(self) -> nullcontext[None]:
        return nullcontext()

    async def write(self, work: object) -> Any:
        raise RuntimeError("the secret of the books")

    async def read(self, work: object) -> Any:
        raise RuntimeError("the secret of the books")


async def test_an_unexpected_error_is_a_problem_without_details() -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/healthz", "query_string": b"", "headers": []}
    with pytest.raises(RuntimeError, match="secret"):  # so that it is in the server's log
        await new_app("broken", "", BrokenStore())(scope, receive, send)
    assert sent[0]["status"] == 500
    assert (b"content-type", b"application/problem+json") in sent[0]["headers"]
    assert "unknown" in json.loads(sent[1]["body"])["detail"]
    assert b"secret" not in sent[1]["body"]
