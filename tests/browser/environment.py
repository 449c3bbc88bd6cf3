"""A complete environment for a browser: Temporal, a worker, the services with a mail server, and the dashboard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.search_attributes import ensure_search_attributes
from ordersaga.orders.worker import order_worker
from ordersaga.settings import SERVICES, Settings, load_settings
from ordersaga.stack.dev_server import temporal_server
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from tests.api.harness import Api, serving, wire
from tests.services.harness import serving as serving_services
from tests.services.mail import Mailbox, mail_server
from tests.workflow.environment import OrderEnvironment, until

HELD: dict[str, float] = {"hold_before_shipping": 3600, "undo_patience": 1, "http_timeout": 2}
"""A policy: stay on hold, and park a failing undo soon."""


@dataclass
class DashboardEnvironment:
    """The environment. Its worker calls the services through the proxy; `temporal` is the server's address."""

    env: OrderEnvironment
    api: Api
    proxy: FaultProxy
    mailbox: Mailbox
    settings: Settings
    temporal: str

    async def order(self, order_id: str, **changes: Any) -> OrderInput:
        """An order of two lines for 44.98 USD, from a customer with an email address."""
        return await self.env.order(order_id, **{"email": "ada@example.com"} | changes)

    async def place(self, order: OrderInput, **changes: Any) -> str:
        """Place an order over the API; returns its id."""
        answer = await self.api.place(wire(order, **changes))
        assert answer.status == 202, answer.text
        return order.order_id

    async def held(self, order: OrderInput, policy: dict[str, float] = HELD) -> str:
        """Place an order, and wait until it is charged and on hold; returns its id."""
        await self.place(order, policy=policy)

        async def is_held() -> bool:
            return any(each.kind == "hold_begun" for each in (await self.view(order.order_id)).timeline)

        await until(is_held)
        return order.order_id

    async def parked(self, order: OrderInput) -> str:
        """An order that was cancelled and whose refund fails until the proxy stops its faults; returns its id."""
        order_id = await self.held(order)
        self.proxy.faults.append(Fault(Kind.ERROR_BEFORE, "refund", order_id, attempts=None))
        await self.env.orders.cancel_order(order_id, "ordered twice by mistake")

        async def waits() -> bool:
            return await self.env.orders.get_order_status(order_id) is OrderStatus.NEEDS_ATTENTION

        await until(waits)
        return order_id

    async def retried(self, order: OrderInput) -> str:
        """An order that was cancelled and whose refund is retried until the proxy stops its faults; returns its id."""
        order_id = await self.held(order, HELD | {"undo_patience": 3600})
        self.proxy.faults.append(Fault(Kind.ERROR_BEFORE, "refund", order_id, attempts=None))
        await self.env.orders.cancel_order(order_id, "ordered twice by mistake")

        async def tried() -> bool:
            return len(self.proxy.fired(call="refund", order_id=order_id)) >= 2

        await until(tried)
        return order_id

    async def view(self, order_id: str) -> Any:
        """The order's view from the worker."""
        return await self.env.orders.get_order(order_id)

    async def ended(self, order_id: str) -> OrderStatus:
        """The result of an order, once it has ended."""
        return (await self.env.orders.result(order_id)).status

    async def books_say(self, order_id: str, *states: str) -> None:
        """Wait until the order's effects have these states."""

        async def so() -> bool:
            found[:] = await self.env.books(order_id)
            return found == list(states)

        found: list[str] = []
        with suppress(TimeoutError):
            await until(so)
        assert found == list(states)


@asynccontextmanager
async def open_dashboard(folder: Path, **changes: Any) -> AsyncIterator[DashboardEnvironment]:
    """Open an environment whose services and Temporal keep their data in this folder."""
    mailbox = Mailbox()
    async with AsyncExitStack() as held:
        smtp = await held.enter_async_context(mail_server(mailbox))
        (folder / "services").mkdir()
        url = await held.enter_async_context(serving_services(folder / "services", f"smtp://127.0.0.1:{smtp}"))
        proxy = await held.enter_async_context(FaultProxy(url))
        address = await held.enter_async_context(temporal_server("--db-filename", str(folder / "temporal.db")))
        temporal = await connect(target_host=address)
        await ensure_search_attributes(temporal)
        settings = load_settings(api_rate="100000/minute", **_urls(url), **changes)
        called = settings.model_copy(update=_urls(proxy.url))
        await held.enter_async_context(order_worker(temporal, called))
        api = await held.enter_async_context(serving(settings, target_host=address))
        env = await held.enter_async_context(OrderEnvironment.open(OrderClient(temporal, settings), settings))
        yield DashboardEnvironment(env, api, proxy, mailbox, settings, address)


def _urls(services: str) -> dict[str, str]:
    return {f"{name}_url": f"{services}/{name}" for name in SERVICES}
