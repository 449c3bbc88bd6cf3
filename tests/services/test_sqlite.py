"""What the HTTP tests cannot reach in SQLite's store: transactions that are committed together, one of which fails."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

import pytest

from ordersaga.domain.errors import OrdersagaError
from ordersaga.services.kit.migrate import Migration
from ordersaga.services.kit.sqlite import SqliteStore
from ordersaga.services.kit.store import Transaction, TransactionFn

THINGS = [Migration("things", 1, "things", "CREATE TABLE thing (name TEXT PRIMARY KEY);")]
INSERT = "INSERT INTO thing (name) VALUES (?)"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "books" / "things.db", THINGS)
    store.migrate()
    async with store.lifespan():
        yield store


async def names(store: SqliteStore) -> set[str]:
    async def work(tx: Transaction) -> set[str]:
        return {row["name"] for row in await tx.fetch_all("SELECT name FROM thing")}

    return await store.read(work)


def insert(name: str) -> TransactionFn[str]:
    async def work(tx: Transaction) -> str:
        await tx.execute(INSERT, name)
        return name

    return work


async def together(store: SqliteStore, *works: TransactionFn[str]) -> list[str | BaseException]:
    """Run the transactions in one group: they queue up while the writer is blocked."""
    begun, go = threading.Event(), threading.Event()

    async def hold(tx: Transaction) -> str:
        begun.set()
        assert go.wait(10)
        return "held"

    holding = asyncio.create_task(store.write(hold))
    assert await asyncio.to_thread(begun.wait, 10)
    waiting = [asyncio.create_task(store.write(work)) for work in works]
    await asyncio.sleep(0)
    go.set()
    assert await holding == "held"
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_one_failing_among_many_is_rolled_back_alone(store: SqliteStore) -> None:
    async def fail(tx: Transaction) -> NoReturn:
        await tx.execute(INSERT, "half done")
        raise OrdersagaError("no")

    answers = await together(store, insert("a"), fail, insert("a"), insert("b"))
    assert answers[0] == "a"
    assert isinstance(answers[1], OrdersagaError)
    assert isinstance(answers[2], sqlite3.IntegrityError)
    assert answers[3] == "b"
    assert await names(store) == {"a", "b"}


async def test_if_the_transaction_is_lost_no_work_of_the_group_is_answered_with_a_yes(store: SqliteStore) -> None:
    async def lose(tx: Transaction) -> str:
        await tx.execute("ROLLBACK")  # as SQLite does by itself if the disk is full
        return "lost"

    answers = await together(store, insert("a"), lose, insert("b"))
    assert all(isinstance(answer, sqlite3.Error) for answer in answers), answers
    assert await names(store) == set()
    assert await store.write(insert("later")) == "later"


async def test_a_work_that_waits_for_something_else_is_a_bug_and_leaves_nothing(store: SqliteStore) -> None:
    async def wait(tx: Transaction) -> None:
        await tx.execute(INSERT, "a")
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="may wait for its own statements only"):
        await store.write(wait)
    assert await names(store) == set()


async def test_a_caller_that_went_away_does_not_stop_the_others(store: SqliteStore) -> None:
    begun, go = threading.Event(), threading.Event()

    async def hold(tx: Transaction) -> None:
        begun.set()
        assert go.wait(10)

    gone = asyncio.create_task(store.write(hold))
    assert await asyncio.to_thread(begun.wait, 10)
    gone.cancel()
    staying = asyncio.create_task(store.write(insert("a")))
    await asyncio.sleep(0)
    go.set()
    assert await staying == "a"


async def test_a_file_that_is_not_a_database_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "things.db"
    path.write_text("not a database, and long enough for SQLite to look at it" * 100)
    with pytest.raises(OrdersagaError, match="cannot be used"):
        SqliteStore(path, THINGS).migrate()
