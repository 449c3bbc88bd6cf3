"""The services on PostgreSQL, with real orders: the database is killed and stopped in the middle of them."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ordersaga.audit.books import check_books
from ordersaga.demo.retail import stock_needed
from ordersaga.stack import Stack, StackError, StackOptions
from tests.acceptance.harness import Up
from tests.acceptance.test_crash import SECONDS, Customers, open_environment
from tests.services.postgres import Postgres

STOPS = [signal.SIGKILL, signal.SIGINT]
BATCH = 25
"""How many new orders are placed before each."""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server that only this module uses, so that it can be stopped."""
    with Postgres.running() as server:
        yield server


async def test_orders_survive_restarts_of_the_database(server: Postgres, tmp_path: Path) -> None:
    options = StackOptions(tmp_path, 0, 0, 0, server.new_database())
    async with Stack(options) as stack, open_environment(stack) as env, asyncio.timeout(SECONDS):
        customers = Customers(env)
        customers.orders = customers.orders[: BATCH * len(STOPS)]
        await env.services.inventory.load_stock(stock_needed(customers.orders))
        async with asyncio.TaskGroup() as tasks:
            for number, how in enumerate(STOPS):
                placed = dict(list(enumerate(customers.orders))[number * BATCH :][:BATCH])
                for index, order in placed.items():
                    tasks.create_task(customers.order(index, order))
                await customers.some_ended(placed)
                assert len(customers.results) < BATCH * (number + 1) - 5, "the orders were over too soon"
                await asyncio.to_thread(server.restart, how)
        books = await check_books(env.orders)
    assert stack.children["services"].deaths == 0, "they outlive their database"
    found = {order.order_id: customers.results[order.order_id].status for order in customers.orders}
    assert found == {order.order_id: customers.expected(index, order) for index, order in enumerate(customers.orders)}
    assert (books.violations, books.open, books.unsettled) == ([], 0, [])
    assert books.orders == Counter(found.values())


async def test_a_stack_whose_database_is_away_reports_it(tmp_path: Path) -> None:
    url = f"postgresql://me:secret@/books?host={tmp_path}"
    with pytest.raises(StackError, match=r"services does not start(?s:.*)Nothing was started\. Start it") as received:
        async with Stack(StackOptions(tmp_path, 0, 0, 0, url)):
            pytest.fail("it started")
    assert "secret" not in str(received.value)


def test_up_uses_the_database_that_was_set_up(server: Postgres, tmp_path: Path) -> None:
    url = server.new_database().replace("postgres@", "postgres:secret@")
    up = Up(tmp_path, settings={"ORDERSAGA_DATABASE_URL": url}).start()
    try:
        assert up.ready["database"].startswith("postgresql://postgres:***@/books")
        doctor = up.command("doctor")
        assert "postgresql://postgres:***@/books" in doctor.out
        assert not list(tmp_path.glob("services/*.db"))
    finally:
        up.end(signal.SIGTERM)
