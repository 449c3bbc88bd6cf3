"""The restore drill: Temporal's database is restored from a copy that is older than half of the orders."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ordersaga.audit.books import check_books
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.recovery.watcher import schedule_id
from ordersaga.orders.service_clients import Services
from ordersaga.stack import Stack, StackOptions
from tests.workflow.environment import OrderEnvironment

HOLD = {"hold_before_shipping": 5.0}
SECONDS = 200.0


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[OrderEnvironment]:
    """The stack on this folder, as `ordersaga up` runs it."""
    async with Stack(StackOptions(folder, 0, 0, 0)) as stack, Services.open(stack.services) as services:
        temporal = await connect(target_host=stack.temporal, namespace="default", tls=False, api_key=None)
        async with OrderClient(temporal, stack.settings()) as orders:
            yield OrderEnvironment(orders, services)


async def placed(env: OrderEnvironment, first: int) -> list[OrderInput]:
    """Place thirty orders: ten that end at once, ten that are refused, ten that are on hold when the stack stops."""
    orders = []
    for number in range(first, first + 30):
        kind = number % 3
        more = ({}, {"payment_method_id": "pm_card_chargeDeclined"}, {"policy": HOLD})[kind]
        orders.append(await env.order(f"drill-{number:02d}", **more))
    await asyncio.gather(*(env.orders.submit_order(order) for order in orders))
    at_once = [order for order in orders if order.policy is None]
    await asyncio.gather(*(env.orders.result(order.order_id) for order in at_once))
    return orders


def tell(news: str) -> None:
    """Print for the person who runs the drill."""
    sys.stdout.write(f"{news}\n")


async def open_orders(env: OrderEnvironment) -> list[str]:
    return [order.order_id async for order in env.orders.list_orders() if order.closed_at is None]


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_temporal_is_restored_from_a_copy_that_was_made_before_thirty_of_sixty_orders(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    copy.mkdir()
    async with running(data) as env:
        orders = await placed(env, 0)
        tell(f"\n30 orders placed, {len(await open_orders(env))} of them on hold. Temporal is stopped and copied.")
    for file in data.glob("temporal.db*"):
        shutil.copy(file, copy)
    async with running(data) as env:
        orders += await placed(env, 30)
        tell(f"30 more placed, {len(await open_orders(env))} are open. Temporal is stopped; the copy takes its place.")
    for file in data.glob("temporal.db*"):
        file.unlink()
    for file in copy.iterdir():
        shutil.copy(file, data)
    async with running(data) as env:
        tell(f"Temporal has forgotten 30 orders; the register has {len(await open_orders(env))} that have not ended.")
        await all_end(env)
        results = [await env.orders.result(order.order_id) for order in orders]
        books = await check_books(env.orders)
        tell(f"All have ended: {books.orders}; {len(books.violations)} rules are broken.")
    expected = [OrderStatus.COMPLETED, OrderStatus.FAILED, OrderStatus.COMPLETED] * 20
    assert [result.status for result in results] == expected
    assert books.violations == []


async def all_end(env: OrderEnvironment) -> None:
    """Wait until all have ended, with help only from the watcher, whose rounds are triggered by hand."""
    rounds = env.orders.temporal.get_schedule_handle(schedule_id(env.orders.settings.task_queue))
    async with asyncio.timeout(SECONDS):
        while await open_orders(env):
            await rounds.trigger()
            await asyncio.sleep(5)
