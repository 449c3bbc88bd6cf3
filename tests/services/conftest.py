"""One client for all tests of the services, an order id for each test, and the balance of the stock after each."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from itertools import count

import aiohttp
import pytest

from tests.services.api import Api
from tests.services.pairs import PAIRS, Pair

_numbers = count(1)


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """The session that all clients share."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


@pytest.fixture(scope="session")
async def shared_api(services_url: str, http: aiohttp.ClientSession) -> Api:
    """The client of the services that run for the session."""
    return Api(http, services_url)


@pytest.fixture
async def api(shared_api: Api) -> AsyncIterator[Api]:
    """The client of the services that run for the session; the stock must balance after the test."""
    yield shared_api
    await stock_balances(shared_api)


@pytest.fixture
def order_id() -> str:
    """An order id that no other test has."""
    return f"t{next(_numbers)}"


@pytest.fixture(params=PAIRS, ids=[pair.service for pair in PAIRS])
def pair(request: pytest.FixtureRequest) -> Pair:
    """Each do/undo pair in turn."""
    found = request.param
    assert isinstance(found, Pair)
    return found


async def stock_balances(api: Api) -> None:
    """What is loaded is on hand, reserved or shipped, and the reservations say the same."""
    kept: dict[str, Counter[str]] = {"held": Counter(), "consumed": Counter()}
    for reservation in await api.books("/inventory/reservations"):
        for line in reservation["items"]:
            if reservation["state"] in kept:
                kept[reservation["state"]][line["sku"]] += line["qty"]
    for item in await api.books("/inventory/stock"):
        assert item["on_hand"] + item["reserved"] + item["shipped"] == item["loaded"], item
        assert item["on_hand"] >= 0, item
        assert (item["reserved"], item["shipped"]) == (kept["held"][item["sku"]], kept["consumed"][item["sku"]]), item
