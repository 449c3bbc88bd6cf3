"""What the HTTP tests cannot reach in PostgreSQL's store: unknown commits, deadlocks, overload."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from unittest.mock import patch

import pytest

from ordersaga.contracts.payment import ChargeRequest
from ordersaga.services.kit import postgres as module
from ordersaga.services.kit.answer import Answer
from ordersaga.services.kit.fence import Fence
from ordersaga.services.kit.migrate import Migration
from ordersaga.services.kit.postgres import PostgresStore, _Attempt
from ordersaga.services.kit.postgres_sql import numbered
from ordersaga.services.kit.postgres_url import PostgresUrl
from ordersaga.services.kit.store import DatabaseUnavailable, Transaction
from ordersaga.services.main import store_of
from tests.services.harness import Database, url_of
from tests.services.pairs import PAYMENT

DATABASES = ["postgresql"]
THINGS = [Migration("things", 1, "things", "CREATE TABLE thing (name TEXT PRIMARY KEY, count BIGINT NOT NULL);")]
INSERT = "INSERT INTO thing (name, count) VALUES (?, ?)"
REQUEST = ChargeRequest.model_validate(PAYMENT.body("1"))


@pytest.fixture
async def store(books: Database) -> AsyncIterator[PostgresStore]:
    """A store with two rows in it, and two connections."""
    url = PostgresUrl.parse(url_of(books).replace("pool_size=6", "pool_size=2"))
    store = PostgresStore(url, "things", THINGS)
    store.migrate()
    async with store.lifespan():
        await store.write(lambda tx: tx.execute_many(INSERT, [("a", 0), ("b", 0)]))
        yield store


async def count(store: PostgresStore, name: str = "a") -> int:
    row = await store.read(lambda tx: tx.fetch_one("SELECT count FROM thing WHERE name = ?", name))
    assert row
    return int(row["count"])


async def add(tx: Transaction, name: str = "a") -> None:
    row = await tx.fetch_one("SELECT count FROM thing WHERE name = ?", name, lock="wait")
    assert row
    await tx.execute("UPDATE thing SET count = ? WHERE name = ?", row["count"] + 1, name)


async def die(tx: Transaction) -> None:
    await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")


async def test_what_is_read_and_then_written_is_locked(store: PostgresStore) -> None:
    await asyncio.gather(*(store.write(add) for _ in range(20)))
    assert await count(store) == 20


async def test_a_connection_lost_before_the_commit_runs_the_work_again(store: PostgresStore) -> None:
    runs = 0

    async def work(tx: Transaction) -> str:
        nonlocal runs
        runs += 1
        await add(tx)
        if runs == 1:
            await die(tx)
        return "done"

    assert await store.write(work) == "done"
    assert (runs, await count(store)) == (2, 1)


@pytest.mark.parametrize("committed", [True, False])
async def test_a_connection_lost_during_the_commit_leaves_one_effect_and_its_answer(
    books: Database, committed: bool
) -> None:
    """The fence knows whether the commit succeeded, and the second run asks it."""
    store, runs, commit = store_of("payment", url_of(books)), 0, _Attempt._commit

    async def lost(self: _Attempt, connection: module.Connected) -> None:
        if committed or runs > 1 or self.in_doubt:
            await commit(self, connection)
        if self.in_doubt:
            return
        connection.terminate()
        self.in_doubt = True
        raise ConnectionResetError

    async def effect(tx: Transaction) -> Answer:
        nonlocal runs
        runs += 1
        return Answer(200, f'"run {runs}"')

    store.migrate()
    async with store.lifespan():
        with patch.object(_Attempt, "_commit", lost):
            answer = await Fence(store).do("pay-1", REQUEST, effect)
        assert bytes(answer.body) == (b'"run 1"' if committed else b'"run 2"')
        assert (await Fence(store).do("pay-1", REQUEST, effect)).body == answer.body


async def test_works_that_wait_for_each_other_crosswise_both_get_done(store: PostgresStore) -> None:
    here = asyncio.Barrier(2)
    met: set[str] = set()

    def both(first: str, second: str) -> asyncio.Task[None]:
        async def work(tx: Transaction) -> None:
            await add(tx, first)
            if first not in met:
                met.add(first)
                await here.wait()
            await add(tx, second)

        return asyncio.create_task(store.write(work))

    await asyncio.gather(both("a", "b"), both("b", "a"))
    assert (await count(store, "a"), await count(store, "b")) == (2, 2)


async def test_an_overloaded_store_waits_and_then_reports_it(store: PostgresStore) -> None:
    begun, go = asyncio.Barrier(3), asyncio.Event()

    def hold(name: str) -> asyncio.Task[None]:
        async def work(tx: Transaction) -> None:
            await add(tx, name)
            await begun.wait()
            await go.wait()

        return asyncio.create_task(store.write(work))

    holding = [hold("a"), hold("b")]
    await begun.wait()
    with patch.object(module, "WAIT_SECONDS", 0.3), pytest.raises(DatabaseUnavailable, match="is overloaded"):
        await store.write(add)
    waiting = asyncio.create_task(store.write(add))
    go.set()
    await asyncio.gather(*holding, waiting)
    assert await count(store) == 2


async def test_a_work_that_is_cancelled_leaves_nothing(store: PostgresStore) -> None:
    begun = asyncio.Event()

    async def hold(tx: Transaction) -> None:
        await add(tx)
        begun.set()
        await asyncio.Event().wait()

    holding = asyncio.create_task(store.write(hold))
    await begun.wait()
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
    await store.write(add)
    assert await count(store) == 1


async def test_a_function_that_ignores_a_failed_statement_is_a_bug_and_leaves_nothing(store: PostgresStore) -> None:
    async def work(tx: Transaction) -> None:
        await add(tx)
        await asyncio.gather(tx.execute(INSERT, "a", 0), return_exceptions=True)

    with pytest.raises(RuntimeError, match="ignored the error"):
        await store.write(work)
    assert await count(store) == 0


async def test_many_rows_are_counted(store: PostgresStore) -> None:
    rows = [(1, "a"), (1, "nothing"), (1, "b")]
    assert await store.write(lambda tx: tx.execute_many("UPDATE thing SET count = ? WHERE name = ?", rows)) == 2
    asked = "SELECT name FROM thing WHERE name = ?"
    found = await store.read(lambda tx: tx.fetch_many(asked, [("b",), ("x",), ("a",)]))
    assert [row["name"] for row in found] == ["b", "a"]


def test_a_question_mark_in_quotes_is_not_a_placeholder() -> None:
    assert numbered("SELECT '?', \"?\", ? WHERE 'it''s ?' = ?") == "SELECT '?', \"?\", $1 WHERE 'it''s ?' = $2"
