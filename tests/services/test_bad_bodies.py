"""Invalid bodies, for every endpoint that takes one: a clear error, nothing stored, and the id is still free."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.services.api import Answer, Api, Json
from tests.services.pairs import PAIRS, Pair, sku_of

DATABASES = ["sqlite"]  # the requests are rejected before they reach a database

OPTIONAL = {"reason", "data", "state of address", "zip"}
BAD_ANYWHERE: list[Any] = [None, True, 1.5, [], {}, [None], float("nan"), float("inf")]
BAD_STRINGS: list[Any] = [*BAD_ANYWHERE, 7, 10**18, 2**70, "\ud800"]
BAD_NUMBERS: list[Any] = [*BAD_ANYWHERE, -1, 10**18, 2**70, -(2**70), 1e18, "2", "", "two"]
BAD_LISTS: list[Any] = [None, True, 7, "x", {}, [], [None], ["x"], [[]], [{}]]
NOT_JSON = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"7",
    b'"x"',
    b"NaN",
    b"\xff\xfe{}",
    b'{"a": \x00}',
    b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b'{"qty": ' + b"9" * 10_000 + b"}",
    b"a=1&b=2",
]


@dataclass(frozen=True)
class Endpoint:
    """An endpoint that takes a body, and a valid one for it."""

    name: str
    method: str
    path: Callable[[str], str]
    good: Callable[[str], Json]

    async def send(self, api: Api, order_id: str, raw: bytes, kind: str = "application/json") -> Answer:
        """Send these bytes."""
        path = self.path(order_id)
        return await api.ask(self.method, path, data=raw, headers={"Content-Type": kind})


def do_of(pair: Pair) -> Endpoint:
    """The endpoint of a pair's do."""
    return Endpoint(f"do {pair.service}", "POST", lambda _: f"/{pair.service}{pair.do_path}", pair.body)


DOS = [do_of(pair) for pair in PAIRS]
OTHERS = [
    Endpoint("refund", "POST", lambda _: "/payment/refunds", lambda n: {"payment_id": f"pay-{n}", "reason": "r"}),
    Endpoint("consume", "POST", lambda n: f"/inventory/reservations/rsv-{n}/events", lambda _: {"state": "consumed"}),
    Endpoint("ship", "POST", lambda n: f"/shipping/shipments/shp-{n}/events", lambda _: {"state": "shipped"}),
    Endpoint("load one", "PUT", lambda n: f"/inventory/stock/{sku_of(n)}", lambda _: {"loaded": 3}),
    Endpoint("load many", "PUT", lambda _: "/inventory/stock", lambda n: {sku_of(n): 3}),
]


async def all_books(api: Api) -> dict[str, list[Json]]:
    """The records of all services."""
    books = [f"/{pair.service}{pair.collection}" for pair in PAIRS]
    return {name: await api.books(name) for name in [*books, "/inventory/stock"]}


def bad_versions(good: Json) -> Iterator[Json]:
    """The valid body with one error, for each possible error."""
    for where, key in places(good):
        value = at(good, where)[key]
        for bad in bad_values(where, key, value):
            yield changed(good, where, key, bad)
        if name_of(where, key) not in OPTIONAL and isinstance(key, str) and not is_open(good, where):
            yield changed(good, where, key)
    for where, _ in {str(where): (where, key) for where, key in places(good)}.values():
        if isinstance(at(good, where), dict) and not is_open(good, where):
            yield changed(good, where, "surprise", 1)


def bad_values(where: tuple[Any, ...], key: Any, value: Any) -> list[Any]:
    """Values that are invalid in the place of this value."""
    if isinstance(value, str):
        if where == ("data",):
            return BAD_STRINGS
        if key == "amount":  # the only text that may be a JSON number
            return [bad for bad in BAD_STRINGS if bad is True or not isinstance(bad, int | float)]
        return [*BAD_STRINGS, "x" * 10_000, *([] if name_of(where, key) in OPTIONAL else ["", "a\u0000b"])]
    if isinstance(value, int):
        return [*BAD_NUMBERS, *([0] if key == "qty" else [])]
    if isinstance(value, list):
        return [*BAD_LISTS, value * 1_001]
    return [None, True, 7, "x", [], *([] if key == "data" else [{}])]


def name_of(where: tuple[Any, ...], key: Any) -> str:
    """The name of this place in the list of optional fields."""
    return "state of address" if (where, key) == (("address",), "state") else str(key)


def is_open(good: Json, where: tuple[Any, ...]) -> bool:
    """Whether this object may have any keys."""
    return where == ("data",) or (where == () and set(good) == {sku for sku in good if sku.startswith("sku-")})


def places(value: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every place in a JSON value, as the path to its parent and its key there."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    for key in keys:
        yield where, key
        yield from places(value[key], (*where, key))


def at(value: Any, where: tuple[Any, ...]) -> Any:
    """The value at this path."""
    for key in where:
        value = value[key]
    return value


def changed(good: Json, where: tuple[Any, ...], key: Any, *value: Any) -> Json:
    """A copy with another value at this place, or without one."""
    copied = copy.deepcopy(good)
    if value:
        at(copied, where)[key] = value[0]
    else:
        del at(copied, where)[key]
    return copied


@pytest.mark.parametrize("endpoint", [*DOS, *OTHERS], ids=lambda endpoint: endpoint.name)
async def test_a_wrong_body_changes_nothing(api: Api, order_id: str, endpoint: Endpoint) -> None:
    await prepare(api, order_id, endpoint)
    before = await all_books(api)
    taken = []
    for body in bad_versions(endpoint.good(order_id)):
        answer = await endpoint.send(api, order_id, json.dumps(body).encode())
        if answer.status not in (400, 422) or answer.type in ("IdempotencyMismatch", "Fenced"):
            taken.append((body, answer))
    assert taken == []
    assert await all_books(api) == before
    await still_works(api, order_id, endpoint)


@pytest.mark.parametrize("endpoint", [*DOS, *OTHERS], ids=lambda endpoint: endpoint.name)
async def test_what_is_not_a_json_object_changes_nothing(api: Api, order_id: str, endpoint: Endpoint) -> None:
    await prepare(api, order_id, endpoint)
    before = await all_books(api)
    for raw in NOT_JSON:
        answer = await endpoint.send(api, order_id, raw)
        assert answer.status in (400, 422), raw[:50]
    good = json.dumps(endpoint.good(order_id)).encode()
    for raw in (good[:-1], good + b"x", b"[" + good + b"]", good.replace(b":", b"=", 1)):
        assert (await endpoint.send(api, order_id, raw)).status in (400, 422), raw
    form = await endpoint.send(api, order_id, b"state=shipped", "application/x-www-form-urlencoded")
    assert form.status in (400, 415, 422)
    assert await all_books(api) == before
    await still_works(api, order_id, endpoint)


async def prepare(api: Api, order_id: str, endpoint: Endpoint) -> None:
    """Create what a valid body needs."""
    await api.load(**{sku_of(order_id): 100})
    if endpoint not in DOS:
        for pair in PAIRS:
            await pair.do(api, order_id)


async def still_works(api: Api, order_id: str, endpoint: Endpoint) -> None:
    """Check that the valid body is accepted: the invalid ones have left no fence."""
    good = json.dumps(endpoint.good(order_id)).encode()
    assert (await endpoint.send(api, order_id, good)).status in (200, 201, 202)


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.service for pair in PAIRS])
async def test_a_body_without_its_optional_parts_is_good(api: Api, order_id: str, pair: Pair) -> None:
    await api.load(**{sku_of(order_id): 100})
    body = {key: value for key, value in pair.body(order_id).items() if key != "data"}
    assert (await api.post(f"/{pair.service}{pair.do_path}", body)).status == pair.done
