"""The exact cost of an order: a change that makes it more expensive fails here, on a machine of any speed.

A change may be worth its cost, or make an order cheaper. Then update the figures here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus
from tests.workflow.meter import Cost, Meter, open_meter

PATIENT = {"fast_path": 3.0}
"""A slow machine must not turn a first attempt into a second one."""

HAPPY = Cost(
    events=6,
    tasks=1,
    bytes=3_700,
    actions={"grpc_StartWorkflowExecution": 1, "command_BatchMarkers": 1},
    calls=["reserve", "charge", "ship", "notify", "close"],
    client_payloads=7,
    worker_payloads=19,
)
REFUSED = Cost(
    events=25,  # the register is called before the order is undone, and after
    tasks=4,
    bytes=8_000,
    actions={
        "grpc_StartWorkflowExecution": 1,
        "command_BatchMarkers": 1,
        "command_ScheduleActivityTask": 3,
        "command_UpsertWorkflowSearchAttributes": 1,
    },
    calls=["reserve", "charge", "unwind", "release", "close"],
    client_payloads=7,
    worker_payloads=26,
)
CANCELLED = Cost(
    events=50,
    tasks=8,
    bytes=12_500,  # each undo names the owner
    actions={
        "grpc_StartWorkflowExecution": 1,
        "command_BatchMarkers": 1,
        "command_StartTimer": 1,
        "message_UpdateWorkflowExecution_Acceptance": 1,
        "command_ScheduleActivityTask": 6,
        "command_UpsertWorkflowSearchAttributes": 1,
    },
    calls=[
        "reserve",
        "charge",
        "unwind",
        "cancel_shipment",
        "recall",
        "refund",
        "release",
        "close",
    ],
    client_payloads=9,
    worker_payloads=47,  # the cancel's reason is read by its validator too
)
LOOKED_AT = HAPPY
"""A happy order whose status and view are read afterwards: the register has both, and no worker replays the order."""


@pytest.fixture(scope="module")
async def meter(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Meter]:
    async with open_meter(tmp_path_factory.mktemp("meter")) as meter:
        yield meter


async def placed(meter: Meter, order: OrderInput) -> None:
    await meter.env.orders.place_order(order)


async def looked_at(meter: Meter, order: OrderInput) -> None:
    await meter.env.orders.place_order(order)
    await meter.env.orders.get_order_status(order.order_id)
    await meter.env.orders.get_order(order.order_id)


async def cancelled_on_hold(meter: Meter, order: OrderInput) -> None:
    await meter.env.orders.submit_order(order)
    await meter.has_event(order.order_id, EventType.EVENT_TYPE_TIMER_STARTED)
    await meter.env.orders.cancel_order(order.order_id, "changed my mind")
    assert (await meter.env.orders.result(order.order_id)).status is OrderStatus.CANCELLED


@pytest.mark.parametrize(
    ("doing", "changes", "pinned"),
    [
        pytest.param(placed, {}, HAPPY, id="happy"),
        pytest.param(looked_at, {}, LOOKED_AT, id="looked-at"),
        pytest.param(placed, {"payment_method_id": "pm_card_chargeDeclined"}, REFUSED, id="refused"),
        pytest.param(cancelled_on_hold, {"policy": {"hold_before_shipping": 300}}, CANCELLED, id="cancelled"),
    ],
)
async def test_an_order_costs_what_is_pinned(
    meter: Meter,
    order_id: str,
    doing: Callable[[Meter, OrderInput], Awaitable[None]],
    changes: dict[str, Any],
    pinned: Cost,
) -> None:
    policy = PATIENT | changes.get("policy", {})
    order = await meter.env.order(f"{order_id:0>4}", **changes | {"policy": policy})

    found = await meter.cost(order.order_id, doing(meter, order))

    payloads = f"the client: {meter.by_client}\nthe worker: {meter.by_worker}"
    assert replace(found, bytes=pinned.bytes) == pinned, payloads
    assert found.bytes <= pinned.bytes
    assert meter.proxy.calls("") == []


def test_a_happy_order_stays_within_what_the_design_allows() -> None:
    assert HAPPY.events <= 6
    assert sum(HAPPY.actions.values()) <= 2
