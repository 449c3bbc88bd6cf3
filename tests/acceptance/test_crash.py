"""kill -9 in the middle of 100 orders: each ends as it should, and the books balance."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psutil

from ordersaga.audit.books import check_books
from ordersaga.demo.retail import sample_orders, stock_needed
from ordersaga.domain.errors import ServiceFault, Unavailable
from ordersaga.domain.order import OrderInput, OrderPolicy
from ordersaga.domain.result import CancelOutcome, OrderResult, OrderStatus, OrderSummary
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.stack import Stack, StackOptions
from tests.acceptance.harness import Up, alive, eventually, put, started
from tests.workflow.environment import OrderEnvironment

T = TypeVar("T")

COUNT = 100
KILLS = [["worker"], ["services"], ["temporal"], ["temporal", "services", "worker"]]
"""The processes that are killed, in this order."""
BATCH = COUNT // len(KILLS)
"""How many new orders are placed before each kill."""
SOME = 5
"""How many of them have ended at the kill."""
HOLD_SECONDS = 3.0
SECONDS = 180.0
REASON = "the customer has changed their mind"
GOES_ON = (Unavailable, ServiceFault)
"""Errors of calls while something is down. Repeating a call does nothing twice."""


def orders() -> list[OrderInput]:
    """Real orders: of each ten, one has a card that is declined, and five wait before their shipment.

    On a fast machine, all the others might have ended at the kill.
    """
    return [_changed(index % 10, order) for index, order in enumerate(sample_orders()[:COUNT])]


def _changed(place: int, order: OrderInput) -> OrderInput:
    if place == 3:
        return order.model_copy(update={"payment_method_id": "pm_card_chargeDeclined"})
    held = OrderPolicy(hold_before_shipping=HOLD_SECONDS)
    return order.model_copy(update={"policy": held}) if place in (0, 1, 4, 6, 9) else order


def is_declined(order: OrderInput) -> bool:
    return order.payment_method_id == "pm_card_chargeDeclined"


class Customers:
    """Place the orders, and retry while something is down.

    Of each ten customers, some cancel: three when the stock is reserved, one when the parcel has left.
    """

    def __init__(self, env: OrderEnvironment) -> None:
        self.orders = orders()
        self.results: dict[str, OrderResult] = {}
        self.verdicts: dict[str, CancelOutcome] = {}
        self._shop = env

    async def some_ended(self, placed: dict[int, OrderInput]) -> None:
        while sum(order.order_id in self.results for order in placed.values()) < SOME:
            await asyncio.sleep(0.01)

    def expected(self, index: int, order: OrderInput) -> OrderStatus:
        """The status with which an order must end."""
        if index % 10 == 7:
            assert self.verdicts[order.order_id] is CancelOutcome.TOO_LATE
        if self.verdicts.get(order.order_id) is CancelOutcome.CANCELLED:
            return OrderStatus.CANCELLED
        return OrderStatus.FAILED if is_declined(order) else OrderStatus.COMPLETED

    async def order(self, index: int, order: OrderInput) -> None:
        """Place an order, do what is planned for this index, and wait for its end."""
        name, client = order.order_id, self._shop.orders
        await _insist(lambda: client.submit_order(order))
        if index % 10 in (2, 5, 8):
            # The worker may not know about the reservation yet. If it is killed now, it never will.
            await _insist(lambda: self._reserved(name))
        if index % 10 == 7:
            await _insist(lambda: self._parcel_leaves(name))
        if index % 10 in (2, 5, 7, 8):
            answer = await _insist(lambda: client.cancel_order(name, REASON))
            self.verdicts[name] = answer.outcome
        self.results[name] = await _insist(lambda: client.result(name))

    async def _reserved(self, order_id: str) -> None:
        while not [entry async for entry in self._shop.services.inventory.reservations(order_id=order_id)]:
            await asyncio.sleep(0.1)

    async def _parcel_leaves(self, order_id: str) -> None:
        while not [entry async for entry in self._shop.services.shipping.shipments(order_id=order_id)]:
            await asyncio.sleep(0.1)
        await self._shop.parcel_leaves(order_id)


async def _insist(ask: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await ask()
        except GOES_ON:
            await asyncio.sleep(0.2)


def in_flight(listed: list[OrderSummary], at: datetime) -> int:
    """How many orders were running at a time, from Temporal's own times."""
    return sum(order.started_at < at and (order.closed_at is None or order.closed_at > at) for order in listed)


@asynccontextmanager
async def open_environment(stack: Stack) -> AsyncIterator[OrderEnvironment]:
    """The stack as an environment for orders."""
    temporal = await connect(target_host=stack.temporal, namespace="default", tls=False, api_key=None)
    async with OrderEnvironment.open(OrderClient(temporal, stack.settings()), stack.settings()) as env:
        yield env


async def test_orders_survive_the_death_of_each_part_and_of_all_at_once(tmp_path: Path) -> None:
    killed: list[datetime] = []
    async with (
        Stack(StackOptions(tmp_path, 0, 0, 0)) as stack,
        open_environment(stack) as env,
        asyncio.timeout(SECONDS),
    ):
        customers = Customers(env)
        await env.services.inventory.load_stock(stock_needed(customers.orders))
        async with asyncio.TaskGroup() as tasks:
            for number, parts in enumerate(KILLS):
                placed = dict(list(enumerate(customers.orders))[number * BATCH :][:BATCH])
                for index, order in placed.items():
                    tasks.create_task(customers.order(index, order))
                await customers.some_ended(placed)
                killed.append(datetime.now(UTC))
                stack.kill(*parts)
                await stack.until_ready(*parts)

        listed = [order async for order in env.orders.list_orders()]
        books = await check_books(env.orders)

    assert min(in_flight(listed, at) for at in killed) >= 10
    assert min(child.deaths for child in stack.children.values()) == 2
    found = {order.order_id: customers.results[order.order_id].status for order in customers.orders}
    assert found == {order.order_id: customers.expected(index, order) for index, order in enumerate(customers.orders)}
    assert (books.violations, books.open, books.unsettled) == ([], 0, [])
    assert books.orders == Counter(found.values())


def test_orders_survive_the_death_of_everything_and_its_supervisor(tmp_path: Path) -> None:
    placed = orders()
    file = tmp_path / "orders.jsonl"
    file.write_text("".join(order.model_dump_json(exclude_none=True) + "\n" for order in placed))
    stack = Up(tmp_path / "data").start()
    try:
        put(f"{stack.ready['services']['inventory']}/stock", stock_needed(placed))
        killed = kill_while_placing(stack, file)

        stack.start()
        done = stack.command("place", file, "--json")
        listed = [OrderSummary.model_validate(each) for each in stack.command("list", "--limit", 0, "--json").json()]
        verified = stack.command("verify", "--json")
    finally:
        if stack.process.poll() is None:
            stack.end(signal.SIGTERM)

    assert in_flight(listed, killed) >= 10
    assert {each["order_id"]: each["status"] for each in done.json()} == {
        order.order_id: "failed" if is_declined(order) else "completed" for order in placed
    }
    assert len(listed) == COUNT
    books = verified.json()[0]
    assert (verified.code, books["violations"], books["open"], books["unsettled"]) == (0, [], 0, [])


def kill_while_placing(stack: Up, file: Path) -> datetime:
    """Kill all its processes when 60 orders are placed; return the time of the kill."""
    placing = started("place", file, "--no-wait", "--json", "--patience", 1, where=stack.where)
    assert placing.stdout
    for _ in range(60):
        assert json.loads(placing.stdout.readline())["status"] == "placed"
    family = [*stack.family(), psutil.Process(stack.process.pid)]
    killed = datetime.now(UTC)
    for process in reversed(family):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    stack.process.wait()
    assert stack.process.stdout
    stack.process.stdout.close()
    eventually(lambda: not alive(family), "everything is dead")
    received(placing)
    return killed


def received(placing: subprocess.Popen[str]) -> None:
    """The command names what does not answer, Temporal or the register, unless all its orders were placed."""
    out, err = placing.communicate(timeout=60)
    if placing.returncode:
        assert placing.returncode == 3
        assert json.loads(err.splitlines()[-1])["error"]["type"] in ("TemporalUnavailable", "ServiceUnavailable")
        assert "nothing is done twice" in err
        assert {json.loads(line)["status"] for line in out.splitlines()} <= {"placed", "unknown"}
    else:
        assert len(out.splitlines()) == COUNT - 60
