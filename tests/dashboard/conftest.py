"""The dashboard with the tests' Temporal server, worker and services: without keys, and with some."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import pytest
from pydantic import BaseModel, RootModel

from ordersaga.contracts.inventory import ReservationEvent, ReservationState
from tests.api.conftest import (
    address,
    api,
    env,
    faulty,
    faulty_settings,
    guarded,
    keys_file,
    proxy,
    secrets,
    settings,
    temporal,
)
from tests.api.harness import Api
from tests.dashboard.browsing import Browser
from tests.workflow.environment import OrderEnvironment, until

__all__ = [
    "address",
    "api",
    "env",
    "faulty",
    "faulty_settings",
    "guarded",
    "keys_file",
    "proxy",
    "secrets",
    "settings",
    "temporal",
]

HELD = {"hold_before_shipping": 3600, "undo_patience": 1, "http_timeout": 2}
_numbers = count(1)

Place = Callable[..., Awaitable[str]]


@pytest.fixture
def order_id() -> str:
    """An order id that no other test uses."""
    return f"dash-{next(_numbers)}"


@pytest.fixture
def browser(api: Api) -> Browser:
    """A browser on the dashboard without keys."""
    return Browser(api)


@pytest.fixture
async def completed(env: OrderEnvironment, order_id: str) -> Place:
    """Place an order that completes, and return its id."""

    async def place(**changes: Any) -> str:
        await env.orders.place_order(await env.order(order_id, **changes))
        return order_id

    return place


@pytest.fixture
async def held(env: OrderEnvironment, order_id: str) -> Place:
    """Place an order, and return its id when it is charged and on hold."""

    async def place(**changes: Any) -> str:
        await env.orders.submit_order(await env.order(order_id, policy=HELD, **changes))

        async def is_held() -> bool:
            timeline = (await env.orders.get_order(order_id)).timeline
            return any(entry.kind == "hold_begun" for entry in timeline)

        await until(is_held)
        return order_id

    return place


@pytest.fixture
async def parked(env: OrderEnvironment, held: Place, api: Api) -> str:
    """An order that was cancelled and whose stock cannot be released, because the goods have left."""
    order_id = await held()
    await goods_leave(env, order_id)
    await env.orders.cancel_order(order_id, "changed my mind")

    async def waits() -> bool:
        return order_id in [item.order_id for item in await env.orders.worklist()]

    await until(waits)
    return order_id


async def goods_leave(env: OrderEnvironment, order_id: str) -> None:
    """The warehouse sends the goods out without a shipment."""
    event: BaseModel = ReservationEvent(state=ReservationState.CONSUMED)
    http = env.services.inventory._http
    await http.call("POST", f"/reservations/rsv-{order_id}/events", event, {200: RootModel[object]}, timeout=5)
