"""One client for all tests of the services, an order id for each test, and the balance of the stock after each.

A test that uses the services runs once for each database, unless it or its module says that one is enough, since what
it asks for is refused before it reaches a database.
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
    """The database that the services keep their books in: sqlite or postgresql."""
    return str(request.param)


@pytest.fixture(scope="session")
def new_books(
    database: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Database]:
    """Makes books that nobody has used."""
    if database == "sqlite":
        return lambda: tmp_path_factory.mktemp("books")
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database


@pytest.fixture
def books(new_books: Callable[[], Database]) -> Database:
    """Books of the test's own."""
    return new_books()


@pytest.fixture(scope="session")
async def services_url(new_books: Callable[[], Database]) -> AsyncIterator[str]:
    """The URL of the services that run for the session on one database, without a mail server."""
    async with serving(new_books()) as url:
        yield url


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
