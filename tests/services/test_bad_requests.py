"""Invalid requests apart from the body: paths, ids, queries, methods and sizes.

Each gets a problem, and changes nothing.
"""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.services.api import Api
from tests.services.pairs import PAIRS, Pair, sku_of
from tests.services.test_bad_bodies import DOS, Endpoint, all_books

DATABASES = ["sqlite"]  # the requests are rejected before they reach a database

BAD_IDS = [
    "a%2Fb",
    "..%2F..%2Fetc",
    "a%00b",
    "a%0Ab",
    "a%0D%0Ab",
    "%20",
    "%09x",
    "-x",
    ".x",
    "x" * 129,
    "x" * 5_000,
    "%FF%FE",
    "%C3%A9",
    "a%3Fb",
    "a%23b",
    "a%25b",
    "{id}",
    "%27%20OR%201=1--",
]
BAD_SKUS = ["a%00b", "a%0Ab", "%20x", "-x", "x" * 65, "%FF", "%C3%A9", "a%3Fb"]
TOO_BIG = 3_000_000
UNDOS = [
    "DELETE /inventory/reservations/{}",
    "POST /shipping/shipments/{}/cancel",
    "POST /notification/notifications/{}/recall",
]
EVENTS = ["POST /inventory/reservations/{}/events consumed", "POST /shipping/shipments/{}/events shipped"]
BOOKS = [f"/{pair.service}{pair.collection}" for pair in PAIRS] + ["/inventory/stock"]


@pytest.fixture
async def unmoved(api: Api) -> AsyncIterator[None]:
    """The records must be the same after the test as before."""
    before = await all_books(api)
    yield
    assert await all_books(api) == before


def call(template: str, effect_id: str) -> tuple[str, str, Any]:
    """The method, path and body of a call from UNDOS or EVENTS."""
    method, path, *state = template.split()
    return method, path.replace("{}", effect_id), {"state": state[0]} if state else None


@pytest.mark.usefixtures("unmoved")
@pytest.mark.parametrize("effect_id", BAD_IDS, ids=lambda effect_id: effect_id[:20])
async def test_an_impossible_id_is_rejected(api: Api, effect_id: str) -> None:
    calls = [call(template, effect_id) for template in [*UNDOS, *EVENTS]]
    calls += [("GET", f"/{pair.service}{pair.collection}/{effect_id}", None) for pair in PAIRS]
    for method, path, body in calls:
        answer = await api.ask(method, path, body)
        assert answer.status in range(400, 500), (method, path, answer)


@pytest.mark.usefixtures("unmoved")
@pytest.mark.parametrize("sku", BAD_SKUS, ids=lambda sku: sku[:20])
async def test_an_impossible_sku_is_rejected(api: Api, sku: str) -> None:
    assert (await api.put(f"/inventory/stock/{sku}", {"loaded": 1})).status in range(400, 500)
    assert (await api.get(f"/inventory/stock/{sku}")).status in range(400, 500)


@pytest.mark.usefixtures("unmoved")
@pytest.mark.parametrize("sku", ["", " x", "-x", "a\u0000b", "x" * 65, "é"])
async def test_one_impossible_sku_of_many_loads_none(api: Api, order_id: str, sku: str) -> None:
    assert (await api.put("/inventory/stock", {sku_of(order_id): 5, sku: 5})).status in (400, 422)


@pytest.mark.usefixtures("unmoved")
@pytest.mark.parametrize("pair", PAIRS, ids=[pair.service for pair in PAIRS])
@pytest.mark.parametrize("effect_id", ["a/b", "a\u0000b", "a\nb", "", " ", "-x", "x" * 129, "é", "a?b", "a%b"])
async def test_an_impossible_id_in_a_body_is_rejected(api: Api, order_id: str, pair: Pair, effect_id: str) -> None:
    for key in (pair.key, "order_id"):
        assert (await pair.do(api, order_id, **{key: effect_id})).status in (400, 422)
    refund = await api.post("/payment/refunds", {"payment_id": effect_id, "reason": ""})
    assert refund.status in (400, 422)


@pytest.mark.usefixtures("unmoved")
@pytest.mark.parametrize("books", BOOKS)
async def test_what_is_not_in_the_books_is_not_found(api: Api, order_id: str, books: str) -> None:
    assert (await api.get(f"{books}/unknown-{order_id}")).status == 404
    mine = {"sku": f"unknown-{order_id}"} if books.endswith("stock") else {"order_id": f"unknown-{order_id}"}
    assert await api.books(books, **mine) == []


@pytest.mark.parametrize("books", BOOKS)
@pytest.mark.parametrize(
    "query",
    [
        "cursor=nonsense",
        "cursor=",
        "cursor=%00",
        "cursor=%FF",
        "cursor=-1",
        "cursor=99999999999999999999999",
        "cursor=x'--",
    ],
)
async def test_an_invalid_cursor_is_not_a_server_error(api: Api, books: str, query: str) -> None:
    answer = await api.get(f"{books}?{query}")
    if answer.status == 200:
        assert set(answer.body) == {"items", "next"}
    else:
        assert answer.status in (400, 422)


@pytest.mark.parametrize("books", BOOKS)
async def test_a_cursor_that_is_nonsense_is_refused(api: Api, books: str) -> None:
    assert (await api.get(f"{books}?cursor=no%20cursor%20of%20ours!")).status in (400, 422)


@pytest.mark.parametrize("books", BOOKS)
@pytest.mark.parametrize("value", ["%00", "%FF", "x" * 5_000, "%27%20OR%20%27%27=%27", "a%2Fb"])
async def test_a_filter_that_names_nothing_finds_nothing(api: Api, books: str, value: str) -> None:
    for name in ("order_id", "sku"):
        answer = await api.get(f"{books}?{name}={value}")
        if answer.status == 200 and (name == "order_id") != books.endswith("stock"):
            assert answer.body["items"] == [], f"?{name}={value} was left out of account"


@pytest.mark.usefixtures("unmoved")
@pytest.mark.parametrize("books", BOOKS)
async def test_the_books_cannot_be_written_to(api: Api, books: str) -> None:
    for method, path in (("DELETE", books), ("PATCH", books), ("PATCH", f"{books}/x"), ("POST", f"{books}/x")):
        answer = await api.ask(method, path, {})
        assert answer.status in (404, 405), (method, path)


@pytest.mark.usefixtures("unmoved")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/payment/charges"),
        ("GET", "/payment/refunds"),
        ("PUT", "/payment/charges"),
        ("DELETE", "/shipping/shipments/shp-x"),
        ("GET", "/shipping/shipments/shp-x/cancel"),
        ("GET", "/nothing/here"),
        ("POST", "/inventory"),
        ("GET", "/payment/stock"),
    ],
)
async def test_what_no_service_offers_is_a_problem(api: Api, method: str, path: str) -> None:
    answer = await api.ask(method, path)
    assert answer.status in (404, 405)


@pytest.mark.usefixtures("unmoved")
@pytest.mark.parametrize("endpoint", DOS, ids=lambda endpoint: endpoint.name)
async def test_a_huge_body_is_rejected_before_it_is_read(api: Api, order_id: str, endpoint: Endpoint) -> None:
    raw = json.dumps(endpoint.good(order_id)).encode().ljust(TOO_BIG)
    answer = await api.ask(endpoint.method, endpoint.path(order_id), data=io.BytesIO(raw), expect100=True)
    assert answer.status == 413


@pytest.mark.usefixtures("unmoved")
@pytest.mark.parametrize("endpoint", DOS, ids=lambda endpoint: endpoint.name)
async def test_a_huge_body_of_unknown_length_is_rejected(api: Api, order_id: str, endpoint: Endpoint) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield json.dumps(endpoint.good(order_id)).encode()
        for _ in range(TOO_BIG // 100_000):
            yield b" " * 100_000

    answer = await api.ask(endpoint.method, endpoint.path(order_id), data=chunks())
    assert answer.status == 413
