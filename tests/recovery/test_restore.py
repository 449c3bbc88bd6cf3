"""A database is restored from an older copy: `verify` lists each inconsistent order, and `recover` repairs them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from ordersaga.audit.books import Rule, check_books
from ordersaga.domain.result import OrderStatus
from ordersaga.orders.client import OrderClient
from ordersaga.orders.restore import Restoring
from ordersaga.orders.service_clients import Services
from ordersaga.orders.worker import order_worker
from ordersaga.orders.workflows.steps import CHARGE, charge
from ordersaga.settings import Settings
from tests.services.harness import serving
from tests.workflow.environment import OrderEnvironment

DECLINED: dict[str, Any] = {"payment_method_id": "pm_card_chargeDeclined"}


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[str]:
    """Empty services, as after a restore from a copy that is older than all orders."""
    async with serving(tmp_path) as url:
        yield url


async def of(orders: OrderClient, order_id: str) -> Mapping[str, set[Rule]]:
    """The rules that an order breaks, and those that orders with the same prefix break."""
    found: dict[str, set[Rule]] = {}
    for violation in (await check_books(orders)).violations:
        if violation.order_id and violation.order_id.startswith(f"{order_id}-"):
            found.setdefault(violation.order_id, set()).add(violation.rule)
    return found


async def placed(env: OrderEnvironment, order_id: str) -> tuple[str, str]:
    """An order that has completed, and one that has failed."""
    good, bad = f"{order_id}-good", f"{order_id}-bad"
    await env.orders.place_order(await env.order(good))
    await env.orders.place_order(await env.order(bad, **DECLINED))
    return good, bad


async def test_a_register_that_was_restored_learns_from_temporal(
    env: OrderEnvironment, temporal: Client, settings: Settings, empty: str, order_id: str
) -> None:
    good, bad = await placed(env, order_id)
    orders = OrderClient(temporal, settings.model_copy(update={"register_url": f"{empty}/register"}))
    rules = {Rule.REGISTER, Rule.UNKNOWN_ORDER}
    assert {name: found & rules for name, found in (await of(orders, order_id)).items()} == {good: rules, bad: rules}

    restoring = Restoring(orders)
    assert await restoring.register(good) == "accepted as completed"
    assert await restoring.register(bad) == "accepted as failed"
    assert await restoring.register(bad) == "accepted as failed"

    assert await of(orders, order_id) == {}
    before, after = await env.orders.register.find(good), await orders.register.find(good)
    assert before is not None
    assert after is not None
    assert (after.owner, after.status, after.order) == (before.owner, before.status, before.order)
    assert after.ending is not None
    assert before.ending is not None
    assert after.ending.result == before.ending.result


async def test_what_a_restored_service_has_lost_of_a_completed_order_is_made_again(
    env: OrderEnvironment, temporal: Client, settings: Settings, empty: str, order_id: str
) -> None:
    good, _ = await placed(env, order_id)
    there = settings.model_copy(update={"payment_url": f"{empty}/payment", "task_queue": f"restored-{order_id}"})
    orders = OrderClient(temporal, there)
    assert await of(orders, order_id) == {good: {Rule.COMPLETED}}

    async with order_worker(temporal, there):
        assert await Restoring(orders).effects(good) == "repaired: completed"

    assert await of(orders, order_id) == {}
    async with Services.open(there.service_urls()) as services:
        assert [entry.state async for entry in services.payment.payments(order_id=good)] == ["captured"]
    assert (await orders.result(good)).status is OrderStatus.COMPLETED


async def test_what_a_restored_service_still_has_of_a_cancelled_order_is_undone(
    env: OrderEnvironment, temporal: Client, settings: Settings, empty: str, order_id: str
) -> None:
    name = f"{order_id}-gone"
    order = await env.order(name, policy={"hold_before_shipping": 300})
    await env.orders.submit_order(order)
    await env.orders.cancel_order(name, "no more")
    assert (await env.orders.result(name)).status is OrderStatus.CANCELLED
    there = settings.model_copy(update={"payment_url": f"{empty}/payment", "task_queue": f"restored-{order_id}"})
    async with Services.open(there.service_urls()) as services:
        await services.payment.charge(charge(order, CHARGE.effect_id(name)), 5)  # as in the older copy
        orders = OrderClient(temporal, there)
        assert Rule.UNDONE in (await of(orders, order_id))[name]

        async with order_worker(temporal, there):
            assert await Restoring(orders).effects(name) == "repaired: failed"

        assert [entry.state async for entry in services.payment.payments(order_id=name)] == ["refunded"]
    assert await of(orders, order_id) == {}
    assert (await orders.result(name)).status is OrderStatus.CANCELLED, "how it ended stays"


async def test_an_order_that_has_not_ended_is_left_alone(env: OrderEnvironment, order_id: str) -> None:
    await env.orders.submit_order(await env.order(order_id, policy={"hold_before_shipping": 300}))
    assert await Restoring(env.orders).effects(order_id) == "left alone: it has not ended"
    await env.orders.cancel_order(order_id, "enough seen")
