"""Orders whose services fail: a worker that calls them through a proxy, and an order with a parked refund."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from ordersaga.domain.worklist import WorklistItem
from ordersaga.orders.client import OrderClient
from ordersaga.orders.worker import order_worker
from ordersaga.settings import SERVICES, Settings
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from tests.workflow.environment import OrderEnvironment, until

IMPATIENT = {"http_timeout": 1, "step_deadline": 1, "undo_patience": 1, "fast_path": 1}
DECLINED_LATE = {"street": "1 Crater Rd", "city": "Tranquility", "zip_code": "ABC", "country": "US"}


@pytest.fixture(scope="module")
async def proxy(services_url: str) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(services_url) as proxy:
        yield proxy


@pytest.fixture(scope="module")
async def orders(temporal: Client, settings: Settings, proxy: FaultProxy) -> AsyncIterator[OrderClient]:
    """A client whose worker calls the services through the proxy."""
    urls = {f"{name}_url": f"{proxy.url}/{name}" for name in SERVICES}
    there = settings.model_copy(update={"task_queue": "worklist", **urls})
    async with order_worker(temporal, there):
        yield OrderClient(temporal, there)


async def listed(orders: OrderClient, order_id: str) -> WorklistItem:
    async def find() -> WorklistItem | None:
        return next((item for item in await orders.worklist() if item.order_id == order_id), None)

    found = await until(find)
    assert found is not None
    return found


async def gone(orders: OrderClient, order_id: str) -> None:
    async def check() -> bool:
        return order_id not in [item.order_id for item in await orders.worklist()]

    await until(check)


@pytest.fixture
async def parked(env: OrderEnvironment, orders: OrderClient, proxy: FaultProxy, order_id: str) -> AsyncIterator[Fault]:
    """An order that was charged and then refused by shipping, and whose refund fails at every attempt."""
    fault = Fault(Kind.ERROR_BEFORE, "refund", order_id, attempts=None)
    proxy.faults.append(fault)
    await orders.submit_order(await env.order(order_id, shipping_address=DECLINED_LATE, policy=IMPATIENT))
    await listed(orders, order_id)
    yield fault
    if fault in proxy.faults:
        proxy.faults.remove(fault)
