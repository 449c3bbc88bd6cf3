"""The services' tables: migrated once and in order, taken over from old files, and rejected if they are newer."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ordersaga.domain.errors import OrdersagaError, SettingsError
from ordersaga.services.kit.migrate import migrations
from ordersaga.services.main import create_app, store_of
from ordersaga.settings import SERVICES, Settings, shown_database
from tests.services.harness import Database, url_of
from tests.services.postgres import Postgres

PASSWORD = "p%40ss%2Fword"
QUEUED = """
INSERT INTO mail (message_id, order_id, recipient, subject, body, state, next_attempt_at, created_at)
VALUES ('m', 'o', 'r', 's', 'b', 'queued', 'n', 'c')
"""


async def _history(url: str) -> list[tuple[Any, ...]]:
    store = store_of("notification", url)
    async with store.lifespan():
        rows = await store.read(lambda tx: tx.fetch_all("SELECT * FROM migration ORDER BY part, number"))
    return [tuple(row[column] for column in ("part", "number", "name", "checksum", "applied_at")) for row in rows]


async def test_they_are_applied_once(books: Database) -> None:
    url = url_of(books)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: store_of("notification", url).migrate(), range(4)))
    history = await _history(url)
    assert [row[:3] for row in history] == [
        ("kit", 1, "fence"),
        ("kit", 2, "owner"),
        ("notification", 1, "books"),
        ("notification", 2, "claim"),
        ("notification", 3, "by_order"),
        ("notification", 4, "body"),
    ]
    store_of("notification", url).migrate()
    assert await _history(url) == history


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("INSERT INTO migration VALUES ('payment', 9999, 'later', 'x', 'now')", "newer version.*payment 9999"),
        ("UPDATE migration SET checksum = 'x' WHERE part = 'payment'", "another text of migration payment 1"),
    ],
)
async def test_other_tables_than_ours_are_refused_and_stay(books: Database, sql: str, says: str) -> None:
    url = url_of(books)
    store = store_of("payment", url)
    store.migrate()
    async with store.lifespan():
        await store.write(lambda tx: tx.execute(sql))
    with pytest.raises(OrdersagaError, match=says):
        create_app(Settings(database_url=url))


async def test_a_file_from_before_there_were_migrations_is_taken_over(tmp_path: Path) -> None:
    first = [each for each in migrations("sqlite", "kit", "notification") if each.number == 1]
    with closing(sqlite3.connect(tmp_path / "notification.db")) as connection:
        for each in first:
            connection.executescript(each.sql)
        connection.execute(QUEUED)
        connection.commit()
    store = store_of("notification", f"sqlite:///{tmp_path}")
    store.migrate()
    async with store.lifespan():
        row = await store.read(lambda tx: tx.fetch_one("SELECT message_id, claim FROM mail"))
    assert row
    assert (row["message_id"], row["claim"]) == ("m", None)


@pytest.fixture(scope="module")
def guarded(postgres: Postgres) -> str:
    """A database whose role has a password, and no right to create schemas."""
    postgres.sql("CREATE DATABASE guarded")
    postgres.sql("CREATE ROLE guarded LOGIN PASSWORD 'p@ss/word'", "guarded")
    return postgres.url("guarded").replace("postgres@", f"guarded:{PASSWORD}@")


def test_a_role_without_the_right_is_reported(guarded: str, postgres: Postgres) -> None:
    with pytest.raises(OrdersagaError, match="GRANT CREATE ON DATABASE") as received:
        create_app(Settings(database_url=guarded))
    assert "word" not in str(received.value)
    for schema in SERVICES:
        postgres.sql(f"CREATE SCHEMA {schema} AUTHORIZATION guarded", "guarded")
    create_app(Settings(database_url=guarded))


def test_a_wrong_password_is_reported_but_not_shown(guarded: str) -> None:
    with pytest.raises(OrdersagaError, match=r"password authentication failed.*Check the user name") as received:
        create_app(Settings(database_url=guarded.replace(PASSWORD, "secret")))
    assert "secret" not in str(received.value)


def test_a_database_that_is_not_there_is_reported(postgres: Postgres, tmp_path: Path) -> None:
    with pytest.raises(OrdersagaError, match=r"does not exist.*Create the database"):
        create_app(Settings(database_url=postgres.url("nowhere")))
    with pytest.raises(OrdersagaError, match=r"cannot be used.*Nothing was started\. Start it"):
        create_app(Settings(database_url=f"postgresql://me:secret@/books?host={tmp_path}"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret@host:port/books",
        "postgresql://me:secret@host",
        "postgresql://me:secret",
        "postgresql://me:sec/ret@host/books",
        "postgresql://me:secret@host:99999/books",
        "postgresql://me:secret@[host/books",
        "postgresql://me:secret@host/books?pool_size=many",
        "postgresql://me:secret@host/books?pool_size=0",
        "postgresql://host/books?password=secret&pool_size=0",
    ],
)
def test_a_url_that_cannot_be_read_is_reported_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="ORDERSAGA_DATABASE_URL cannot be read") as received:
        create_app(Settings(database_url=url))
    assert "sec" not in str(received.value)
    assert "sec" not in Settings(database_url=url).shown_database


@pytest.mark.parametrize("url", ["sqlite:///.ordersaga/services", "postgresql://me@host:5432/books?sslmode=require"])
def test_a_url_without_a_password_is_shown_as_it_is(url: str) -> None:
    assert shown_database(url) == url


def test_numbers_have_no_gap_and_no_double() -> None:
    for dialect in ("sqlite", "postgresql"):
        for part in ("kit", *SERVICES):
            numbers = [each.number for each in migrations(dialect, part)]
            assert numbers == list(range(1, len(numbers) + 1)), (dialect, part)
