"""A database is restored from an older copy: `verify` names each order that does not fit, and `recover` mends them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from ordersaga.client import OrderClient
from ordersaga.clients import Services
from ordersaga.domain.result import OrderStatus
from ordersaga.restoring import Restoring
from ordersaga.settings import Settings
from ordersaga.testing.books import Rule, check_books
from ordersaga.worker import order_worker
from ordersaga.workflows.steps import CHARGE, charge
from tests.services.harness import serving
from tests.workflow.shop import Shop

DECLINED: dict[str, Any] = {"payment_method_id": "pm_card_chargeDeclined"}


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[str]:
    """Services whose books are empty, as after a restore of a copy that was made before all orders."""
    async with serving(tmp_path) as url:
        yield url


async def of(orders: OrderClient, order_id: str) -> Mapping[str, set[Rule]]:
    """Which rules an order, and those whose ids begin like its, break."""
    found: dict[str, set[Rule]] = {}
    for violation in (await check_books(orders)).violations:
        if violation.order_id and violation.order_id.startswith(f"{order_id}-"):
            found.setdefault(violation.order_id, set()).add(violation.rule)
    return found


async def placed(shop: Shop, order_id: str) -> tuple[str, str]:
    """An order that has completed, and one that has failed."""
    good, bad = f"{order_id}-good", f"{order_id}-bad"
    await shop.orders.place_order(await shop.order(good))
    await shop.orders.place_order(await shop.order(bad, **DECLINED))
    return good, bad


async def test_a_register_that_was_restored_learns_from_temporal(
    shop: Shop, temporal: Client, settings: Settings, empty: str, order_id: str
) -> None:
    good, bad = await placed(shop, order_id)
    orders = OrderClient(temporal, settings.model_copy(update={"register_url": f"{empty}/register"}))
    rules = {Rule.REGISTER, Rule.UNKNOWN_ORDER}
    assert {name: found & rules for name, found in (await of(orders, order_id)).items()} == {good: rules, bad: rules}

    restoring = Restoring(orders)
    assert await restoring.register(good) == "taken on as completed"
    assert await restoring.register(bad) == "taken on as failed"
    assert await restoring.register(bad) == "taken on as failed"

    assert await of(orders, order_id) == {}
    before, after = await shop.orders.register.find(good), await orders.register.find(good)
    assert before is not None
    assert after is not None
    assert (after.owner, after.status, after.order) == (before.owner, before.status, before.order)
    assert after.ending is not None
    assert before.ending is not None
    assert after.ending.result == before.ending.result


async def test_what_a_restored_service_has_lost_of_a_completed_order_is_made_again(
    shop: Shop, temporal: Client, settings: Settings, empty: str, order_id: str
) -> None:
    good, _ = await placed(shop, order_id)
    there = settings.model_copy(update={"payment_url": f"{empty}/payment", "task_queue": f"restored-{order_id}"})
    orders = OrderClient(temporal, there)
    assert await of(orders, order_id) == {good: {Rule.COMPLETED}}

    async with order_worker(temporal, there):
        assert await Restoring(orders).effects(good) == "brought back: completed"

    assert await of(orders, order_id) == {}
    async with Services.open(there.service_urls()) as services:
        assert [entry.state async for entry in services.payment.payments(order_id=good)] == ["captured"]
    assert (await orders.result(good)).status is OrderStatus.COMPLETED


async def test_what_a_restored_service_still_has_of_a_cancelled_order_is_undone(
    shop: Shop, temporal: Client, settings: Settings, empty: str, order_id: str
) -> None:
    name = f"{order_id}-gone"
    order = await shop.order(name, policy={"hold_before_shipping": 300})
    await shop.orders.submit_order(order)
    await shop.orders.cancel_order(name, "no more")
    assert (await shop.orders.result(name)).status is OrderStatus.CANCELLED
    there = settings.model_copy(update={"payment_url": f"{empty}/payment", "task_queue": f"restored-{order_id}"})
    async with Services.open(there.service_urls()) as services:
        await services.payment.charge(charge(order, CHARGE.effect_id(name)), 5)  # as it was in the older copy
        orders = OrderClient(temporal, there)
        assert Rule.UNDONE in (await of(orders, order_id))[name]

        async with order_worker(temporal, there):
            assert await Restoring(orders).effects(name) == "brought back: failed"

        assert [entry.state async for entry in services.payment.payments(order_id=name)] == ["refunded"]
    assert await of(orders, order_id) == {}
    assert (await orders.result(name)).status is OrderStatus.CANCELLED, "how it ended stays"


async def test_an_order_that_has_not_ended_is_left_alone(shop: Shop, order_id: str) -> None:
    await shop.orders.submit_order(await shop.order(order_id, policy={"hold_before_shipping": 300}))
    assert await Restoring(shop.orders).effects(order_id) == "left alone: it has not ended"
    await shop.orders.cancel_order(order_id, "enough seen")
