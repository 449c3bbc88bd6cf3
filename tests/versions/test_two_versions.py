"""Orders in flight while two versions of the worker alternate: each reads what the other has stored."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from temporalio.client import Client

from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from tests.versions.conftest import Workers
from tests.workflow.environment import OrderEnvironment, place_document, until

SECONDS = 60
HELD = {"hold_before_shipping": 300}


def as_the_next_version_writes_it(order: OrderInput) -> dict[str, Any]:
    """The order's document with the additions of the next version."""
    document: dict[str, Any] = json.loads(order.model_dump_json(exclude_none=True)) | {"gift_note": "for Ada"}
    document["items"][0]["engraving"] = "A. L."
    document["shipping_address"]["floor"] = "3"
    return document


async def ends(env: OrderEnvironment, order_id: str) -> OrderStatus:
    """The result of an order."""
    return (await asyncio.wait_for(env.orders.result(order_id), SECONDS)).status


@pytest.mark.parametrize("first", ["now", "next"])
@pytest.mark.parametrize("cancelled", [False, True], ids=["goes on", "cancelled"])
async def test_an_order_that_one_version_has_begun_is_ended_by_the_other(
    env: OrderEnvironment, temporal: Client, workers: Workers, order_id: str, first: str, cancelled: bool
) -> None:
    order = await env.order(order_id, policy=HELD if cancelled else {"hold_before_shipping": 1})
    document = as_the_next_version_writes_it(order)
    await workers.start(first)
    await place_document(temporal, document, "orders")

    async def is_charged() -> bool:
        return await env.books(order_id) == ["held", "captured"]

    await until(is_charged, SECONDS)
    await workers.kill()
    await workers.start("next" if first == "now" else "now")
    if cancelled:
        assert (await env.orders.cancel_order(order_id, "no more")).outcome == "cancelled"
    assert await ends(env, order_id) is (OrderStatus.CANCELLED if cancelled else OrderStatus.COMPLETED)
    assert (await env.books(order_id))[:2] == (["released", "refunded"] if cancelled else ["held", "captured"])


async def test_what_the_next_version_has_done_and_not_recorded_is_not_forgotten(
    env: OrderEnvironment, temporal: Client, workers: Workers, proxy: FaultProxy, order_id: str
) -> None:
    """All four calls were made, and the worker dies before its workflow task is recorded."""
    proxy.faults.append(Fault(Kind.HOLD_ANSWER, "notify", order_id))
    await workers.start("next")
    document = as_the_next_version_writes_it(await env.order(order_id))
    await place_document(temporal, document, "orders")

    async def all_is_done() -> bool:
        return len(await env.books(order_id)) == 4

    await until(all_is_done, SECONDS)
    await workers.kill()
    proxy.release()
    await workers.start("now")
    assert await ends(env, order_id) is OrderStatus.COMPLETED
    states = await env.books(order_id)
    assert (len(states), states[:3]) == (4, ["held", "captured", "created"])


async def test_what_this_version_cannot_read_waits_for_one_that_can(
    env: OrderEnvironment, temporal: Client, workers: Workers, order_id: str
) -> None:
    document = as_the_next_version_writes_it(await env.order(order_id)) | {"policy": {"fast_path": 30}}
    await workers.start("now")
    await place_document(temporal, document, "orders")

    async def attention() -> Attention | None:
        return next((item.attention for item in await env.orders.worklist() if item.order_id == order_id), None)

    assert await until(attention, SECONDS) is Attention.WEDGED
    await workers.kill()
    await workers.start("next")
    assert await ends(env, order_id) is OrderStatus.COMPLETED
