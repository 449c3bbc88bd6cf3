"""An order whose run takes longer than its policy allows is on the worklist until it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from temporalio.client import Client

from ordersaga.contracts.register import Attention as AttentionRecord
from ordersaga.domain.order import OrderPolicy
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention
from ordersaga.orders.client import OrderClient
from ordersaga.orders.recovery import overdue
from ordersaga.orders.recovery.overdue import OverdueOrders
from ordersaga.orders.recovery.unrecovered import report
from ordersaga.orders.worker import order_worker
from ordersaga.settings import Settings
from tests.recovery.test_watcher import HELD, held, one_round, problems_of
from tests.workflow.environment import OrderEnvironment, until

ALLOWED = overdue.longest(OrderPolicy.model_validate(HELD)) + overdue.SLACK


def ignore_heartbeat() -> None:
    """Ignores heartbeats."""


async def waiting(orders: OrderClient, order_id: str) -> Attention | None:
    return next((item.attention for item in await orders.worklist() if item.order_id == order_id), None)


async def test_an_overdue_order_is_on_the_worklist_until_it_ends(
    env: OrderEnvironment, temporal: Client, settings: Settings, order_id: str
) -> None:
    placed = datetime.now(UTC)
    await held(env, env.orders, order_id)
    late = OverdueOrders(temporal, settings.task_queue, env.services.register)

    async def is_listed() -> bool:
        return order_id in await late.put_on_worklist(datetime.now(UTC) + ALLOWED, ignore_heartbeat)

    assert order_id not in await late.put_on_worklist(placed + ALLOWED - timedelta(seconds=60), ignore_heartbeat)
    await until(is_listed)
    assert await waiting(env.orders, order_id) is Attention.OVERDUE
    assert not await is_listed()  # it is already there

    item = next(item for item in await env.orders.worklist() if item.order_id == order_id)
    assert (item.amount_at_risk, item.steps) == ("44.98", [])
    assert (await env.orders.get_order_status(order_id)) is item.status is OrderStatus.PROCESSING

    await env.orders.cancel_order(order_id, "it took too long")
    assert (await env.orders.result(order_id)).status is OrderStatus.CANCELLED
    assert await waiting(env.orders, order_id) is None


async def test_an_order_that_another_deployment_works_on_is_not_overdue_here(
    env: OrderEnvironment, temporal: Client, settings: Settings, order_id: str
) -> None:
    elsewhere = settings.model_copy(update={"task_queue": f"elsewhere-{order_id}"})
    orders = OrderClient(temporal, elsewhere)
    async with order_worker(temporal, elsewhere):
        await held(env, orders, order_id)
        theirs = OverdueOrders(temporal, elsewhere.task_queue, env.services.register)
        ours = OverdueOrders(temporal, settings.task_queue, env.services.register)

        async def is_theirs() -> bool:
            assert order_id not in await ours.put_on_worklist(datetime.now(UTC) + ALLOWED, ignore_heartbeat)
            return order_id in await theirs.put_on_worklist(datetime.now(UTC) + ALLOWED, ignore_heartbeat)

        await until(is_theirs)
        await orders.cancel_order(order_id, "enough")


async def test_a_parked_order_is_not_called_overdue(
    env: OrderEnvironment, temporal: Client, settings: Settings, order_id: str
) -> None:
    await held(env, env.orders, order_id)
    record = await env.services.register.order(order_id)
    parked = AttentionRecord(kind=Attention.PARKED, amount_at_risk="44.98", since=datetime.now(UTC))
    await report(env.services.register, record, OrderStatus.NEEDS_ATTENTION, parked)
    late = OverdueOrders(temporal, settings.task_queue, env.services.register)
    assert order_id not in await late.put_on_worklist(datetime.now(UTC) + timedelta(days=400), ignore_heartbeat)
    assert await waiting(env.orders, order_id) is Attention.PARKED
    await env.orders.cancel_order(order_id, "enough")


async def test_a_round_returns_the_overdue_orders(env: OrderEnvironment, order_id: str) -> None:
    await held(env, env.orders, order_id)

    async def is_told() -> bool:
        with patch.object(overdue, "SLACK", -ALLOWED):
            found = await one_round(env.orders, f"{order_id}-{datetime.now(UTC).timestamp()}")
        assert problems_of(found, order_id) == []
        return order_id in found.overdue

    await until(is_told)
    await env.orders.cancel_order(order_id, "enough")
