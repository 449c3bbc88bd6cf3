"""How you test your adapters: real orders through the real worker, with faults between the worker and your code.

python -m pytest examples/adopting/test_adopting.py
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from examples.adopting.adapters import inventory, payment
from examples.adopting.fence import Fence
from examples.adopting.provider import Provider
from examples.adopting.warehouse import Warehouse
from ordersaga import OrderClient, OrderInput, OrderPolicy, OrderStatus
from ordersaga.orders.worker import order_worker
from ordersaga.settings import load_settings
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from ordersaga.testing.sagas import temporal_client

OURS = ("register", "shipping", "notification")
"""The services that stay ordersaga's."""


@dataclass
class Shop:
    """Your systems, and ordersaga in front of them."""

    orders: OrderClient
    warehouse: Warehouse
    provider: Provider
    inventory_proxy: FaultProxy
    payment_proxy: FaultProxy


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve an adapter on a free port; its URL."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def our_services(folder: Path) -> AsyncIterator[dict[str, str]]:
    """Run the services that stay ordersaga's; their URLs."""
    only = [option for name in OURS for option in ("--only", name)]
    command = [sys.executable, "-m", "ordersaga", "services", "--port", "0", "--json", *only]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, cwd=folder)
    try:
        assert process.stdout
        line = await process.stdout.readline()
        assert line, "the services did not start"
        yield json.loads(line)["services"]
    finally:
        process.terminate()
        await process.communicate()


@pytest.fixture(scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A worker on your services and ours, with a proxy before each of yours that makes faults."""
    folder = tmp_path_factory.mktemp("shop")
    warehouse, provider = Warehouse({"MUG-BLUE": 100}), Provider()
    async with AsyncExitStack() as running:
        enter = running.enter_async_context
        urls = await enter(our_services(folder))
        stock = FaultProxy(await enter(serving(inventory(warehouse, Fence(folder / "inventory.db")))))
        money = FaultProxy(await enter(serving(payment(provider, Fence(folder / "payment.db")))))
        urls |= {"inventory": (await enter(stock)).url, "payment": (await enter(money)).url}
        settings = load_settings(**{f"{name}_url": url for name, url in urls.items()}, task_queue="adopting")
        temporal = await enter(temporal_client())
        orders = await enter(OrderClient(temporal, settings))
        await enter(order_worker(temporal, settings, sandboxed=True))
        yield Shop(orders, warehouse, provider, stock, money)


def order(order_id: str, pieces: int = 2, card: str = "card_full", hold: float = 0) -> OrderInput:
    """An order for mugs."""
    return OrderInput.model_validate(
        {
            "order_id": order_id,
            "customer_id": "ada",
            "items": [{"sku": "MUG-BLUE", "quantity": pieces, "price": "19.99"}],
            "shipping_address": {
                "street": "350 Fifth Avenue",
                "city": "New York",
                "state": "NY",
                "zip_code": "10118",
                "country": "US",
            },
            "payment_method_id": card,
            "policy": OrderPolicy(http_timeout=2, hold_before_shipping=hold),
        }
    )


async def test_an_order_has_its_effects_in_your_systems(shop: Shop) -> None:
    result = await shop.orders.place_order(order("good"))

    assert result.status is OrderStatus.COMPLETED, result
    assert shop.warehouse.picks["rsv-good"] == {"MUG-BLUE": 2}
    assert shop.provider.charges["pay-good"] == 3998


async def test_what_you_refuse_undoes_what_came_before(shop: Shop) -> None:
    declined = await shop.orders.place_order(order("poor", card="card_empty"))
    sold_out = await shop.orders.place_order(order("greedy", pieces=1_000))

    assert (declined.refusal, sold_out.refusal) == ("PaymentDeclined", "InsufficientInventory")
    assert not {"rsv-poor", "rsv-greedy"} & set(shop.warehouse.picks)
    assert not {"pay-poor", "pay-greedy"} & set(shop.provider.charges)


@pytest.mark.parametrize("kind", [Kind.LOSE_RESPONSE, Kind.ERROR_AFTER, Kind.DUPLICATE, Kind.RESET_BEFORE])
async def test_a_fault_charges_nobody_twice(shop: Shop, kind: Kind) -> None:
    order_id = f"fault-{kind}"
    shop.payment_proxy.faults.append(Fault(kind, "charge", order_id))
    shop.inventory_proxy.faults.append(Fault(kind, "reserve", order_id))
    before = shop.warehouse.stock["MUG-BLUE"]

    result = await shop.orders.place_order(order(order_id))

    assert result.status is OrderStatus.COMPLETED, result
    assert [fault.kind for fault in shop.payment_proxy.fired(order_id=order_id)] == [kind]
    assert shop.provider.charges[f"pay-{order_id}"] == 3998
    assert shop.warehouse.stock["MUG-BLUE"] == before - 2


async def test_a_charge_that_arrives_after_its_refund_is_turned_away(shop: Shop) -> None:
    shop.payment_proxy.faults.append(Fault(Kind.HOLD_BACK, "charge", "late", attempts=None))
    impatient = order("late").model_copy(update={"policy": OrderPolicy(http_timeout=1, step_deadline=1)})

    result = await shop.orders.place_order(impatient)

    assert result.status is OrderStatus.FAILED, result
    async with asyncio.timeout(30):
        while shop.payment_proxy.under_way("late"):  # noqa: ASYNC110  the proxy has no event for it
            await asyncio.sleep(0.05)  # until the late charge has been answered
    assert [fault.status for fault in shop.payment_proxy.fired(order_id="late")][-1] == 410
    assert "pay-late" not in shop.provider.charges
    assert "rsv-late" not in shop.warehouse.picks


async def test_a_cancel_gives_everything_back(shop: Shop) -> None:
    before = dict(shop.warehouse.stock)
    await shop.orders.submit_order(order("changed-my-mind", hold=3600))

    await shop.orders.cancel_order("changed-my-mind", "changed my mind")

    assert (await shop.orders.result("changed-my-mind")).status is OrderStatus.CANCELLED
    assert shop.warehouse.stock == before
    assert "pay-changed-my-mind" not in shop.provider.charges
