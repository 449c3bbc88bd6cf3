"""A route that reads its body itself gives the same answers as FastAPI, whatever is sent."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Query
from fastapi.routing import APIRoute
from pydantic import BaseModel, StringConstraints
from starlette.responses import Response
from starlette.types import Message

from ordersaga.services.kit.app import ERROR_HANDLERS
from ordersaga.services.kit.route import BodyRoute

Name = Annotated[str, StringConstraints(max_length=5)]
JSON = "application/json"


class Order(BaseModel):
    """The body."""

    quantity: int
    names: list[Name] = []


async def put(name: Name, order: Order) -> Response:
    return Response(f"{name}: {order.quantity} {order.names}")


async def put_and_count(order: Order) -> dict[str, int]:
    return {"quantity": order.quantity}


async def put_with_query(name: Name, order: Order, note: Annotated[str, Query()] = "") -> Response:
    return Response(f"{name}: {order.quantity} {note}")


def app_of(route: type[APIRoute]) -> FastAPI:
    app = FastAPI(exception_handlers=dict(ERROR_HANDLERS))
    app.router.route_class = route
    app.add_api_route("/orders/{name}", put, methods=["PUT"])
    app.add_api_route("/counted", put_and_count, methods=["PUT"])
    app.add_api_route("/noted/{name}", put_with_query, methods=["PUT"])
    return app


OURS, FASTAPIS = app_of(BodyRoute), app_of(APIRoute)


Answer = tuple[int, bytes]


async def answer(app: FastAPI, path: str, body: bytes, media_type: str | None, method: str = "PUT") -> Answer:
    sent: list[Message] = []
    parts = [body[:7], body[7:]]

    async def receive() -> Message:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Message) -> None:
        sent.append(message)

    target, _, query = path.partition("?")
    headers = [(b"content-type", media_type.encode())] if media_type else []
    scope: dict[str, Any] = {"type": "http", "method": method, "path": target, "query_string": query.encode()}
    await app(scope | {"headers": headers}, receive, send)
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize(
    ("path", "body", "media_type"),
    [
        ("/orders/a", {"quantity": 1}, JSON),
        ("/orders/a", {"quantity": 1}, "application/json; charset=utf-8"),
        ("/orders/a", {"quantity": 1}, "application/problem+json"),
        ("/orders/a", {"quantity": 1}, "text/plain"),
        ("/orders/a", {"quantity": 1}, None),
        ("/orders/a", {"quantity": "7", "names": ["é", "\ud800"]}, JSON),
        ("/orders/a", {"quantity": "7", "names": ["é", "x"], "more": None}, JSON),
        ("/orders/a", {"quantity": 1.5}, JSON),
        ("/orders/a", {"names": ["a", "longer than it may be"]}, JSON),
        ("/orders/longer", {"quantity": 1}, JSON),
        ("/noted/a?note=n", {"quantity": 1}, JSON),
        ("/counted", {"quantity": 1}, JSON),
        ("/orders/a", [], JSON),
        ("/orders/a", None, JSON),
        ("/orders/a", "text", JSON),
    ],
)
async def test_a_body_is_read_as_fastapi_reads_it(path: str, body: Any, media_type: str | None) -> None:
    sent = json.dumps(body).encode()
    assert await answer(OURS, path, sent, media_type) == await answer(FASTAPIS, path, sent, media_type)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"quantity": 1', b'{"quantity": 1, "quantity": 2}', b'{"quantity": NaN}', b"[["]
)
async def test_what_is_not_json_is_refused_as_fastapi_refuses_it(body: bytes) -> None:
    assert await answer(OURS, "/orders/a", body, JSON) == await answer(FASTAPIS, "/orders/a", body, JSON)


async def test_another_method_is_refused() -> None:
    assert (await answer(OURS, "/orders/a", b"{}", JSON, "POST"))[0] == 405


def test_a_route_with_another_parameter_or_answer_is_left_to_fastapi() -> None:
    routes = {each.path: each for each in OURS.router.routes if isinstance(each, BodyRoute)}
    assert routes["/orders/{name}"].reads_body
    assert not routes["/noted/{name}"].reads_body
    assert not routes["/counted"].reads_body
