"""One client for all tests of the services, an order id for each test, and a check of the stock after each.

A test that uses the services runs once per database, unless it or its module declares that one is enough because its
requests are rejected before they reach a database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import TypeVar

import aiohttp
import pytest

from tests.services.api import Api
from tests.services.harness import Database, serving
from tests.services.pairs import PAIRS, Pair
from tests.services.postgres import Postgres

DATABASES = ("sqlite", "postgresql")
_numbers = count(1)
T = TypeVar("T", bound=Callable[..., object])


def one_database(test: T) -> T:
    """Run this test on one database."""
    test.databases = DATABASES[:1]  # type: ignore[attr-defined]
    return test


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what uses the services on each database."""
    if "database" in metafunc.fixturenames:
        names = getattr(metafunc.module, "DATABASES", DATABASES)
        names = getattr(metafunc.function, "databases", names)
        metafunc.parametrize("database", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest) -> str:
    """The database of the services: sqlite or postgresql."""
    return str(request.param)


@pytest.fixture(scope="session")
def new_books(
    database: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Database]:
    """Creates empty databases."""
    if database == "sqlite":
        return lambda: tmp_path_factory.mktemp("books")
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database


@pytest.fixture
def books(new_books: Callable[[], Database]) -> Database:
    """A database for this test only."""
    return new_books()


@pytest.fixture(scope="session")
async def services_url(new_books: Callable[[], Database]) -> AsyncIterator[str]:
    """The URL of the services that run for the session on one database, without a mail server."""
    async with serving(new_books()) as url:
        yield url


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """The HTTP session that all clients share."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


@pytest.fixture(scope="session")
async def shared_api(services_url: str, http: aiohttp.ClientSession) -> Api:
    """The client of the services that run for the session."""
    return Api(http, services_url)


@pytest.fixture
async def api(shared_api: Api) -> AsyncIterator[Api]:
    """The client of the services that run for the session. The stock must balance after the test."""
    yield shared_api
    await stock_balances(shared_api)


@pytest.fixture
def order_id() -> str:
    """An order id that no other test uses."""
    return f"t{next(_numbers)}"


@pytest.fixture(params=PAIRS, ids=[pair.service for pair in PAIRS])
def pair(request: pytest.FixtureRequest) -> Pair:
    """Each do/undo pair in turn."""
    found = request.param
    assert isinstance(found, Pair)
    return found


async def stock_balances(api: Api) -> None:
    """Everything loaded must be on hand, reserved or shipped, consistent with the reservations."""
    kept: dict[str, Counter[str]] = {"held": Counter(), "consumed": Counter()}
    for reservation in await api.books("/inventory/reservations"):
        for line in reservation["items"]:
            if reservation["state"] in kept:
                kept[reservation["state"]][line["sku"]] += line["qty"]
    for item in await api.books("/inventory/stock"):
        assert item["on_hand"] + item["reserved"] + item["shipped"] == item["loaded"], item
        assert item["on_hand"] >= 0, item
        assert (item["reserved"], item["shipped"]) == (kept["held"][item["sku"]], kept["consumed"][item["sku"]]), item
