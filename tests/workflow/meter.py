"""Counts what an order costs on its own server: history, actions, HTTP calls, payloads; never time."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import aiohttp
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.common import RawValue, WorkflowIDConflictPolicy
from temporalio.converter import DataConverter

from bench.history import actions_in
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import DATA_CONVERTER, OrderPayloadConverter, connect
from ordersaga.orders.search_attributes import ensure_search_attributes
from ordersaga.orders.worker import order_worker
from ordersaga.settings import SERVICES, load_settings
from ordersaga.stack.dev_server import free_port, temporal_server
from ordersaga.stack.faults import FaultProxy
from tests.services.harness import serving
from tests.workflow.environment import OrderEnvironment, until

IDENTITY = "1234@a-host-of-usual-length"
"""Temporal writes it into every other event. A fixed one makes the bytes independent of the machine's name."""

SENTINEL = "grpc_SignalWithStartWorkflowExecution"
"""An action that no order ever uses."""


@dataclass(frozen=True)
class Cost:
    """What happened for one order."""

    events: int
    tasks: int
    """Workflow tasks."""
    bytes: int
    """The size of the history, as the server stores it."""
    actions: dict[str, int]
    """What Temporal bills, by the server's own names."""
    calls: list[str]
    """HTTP calls to the services."""
    client_payloads: int
    worker_payloads: int
    """Values that the worker encoded into payloads or decoded from them."""


@dataclass
class Meter:
    """An environment that nothing else uses, and what is counted there."""

    env: OrderEnvironment
    proxy: FaultProxy
    bystander: Client
    """A client that is not counted."""
    metrics: str
    by_client: list[str] = field(default_factory=list)
    by_worker: list[str] = field(default_factory=list)
    _actions: Counter[str] = field(default_factory=Counter)

    async def cost(self, order_id: str, doing: Awaitable[Any]) -> Cost:
        """The cost of doing this with the order; for the history, the events so far."""
        calls = len(self.proxy.calls(order_id))
        self.by_client.clear()
        self.by_worker.clear()
        await doing
        client, worker = len(self.by_client), len(self.by_worker)
        before, self._actions = self._actions, await self._published()
        actions = self._actions - before
        handle = self.bystander.get_workflow_handle(f"order-{order_id}")
        info = (await handle.describe()).raw_description.workflow_execution_info
        kinds = [event.event_type async for event in handle.fetch_history_events()]
        assert info.history_length == len(kinds)
        return Cost(
            events=len(kinds),
            tasks=kinds.count(EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED),
            bytes=info.history_size_bytes,
            actions={kind: count for kind, count in actions.items() if kind != SENTINEL},
            calls=self.proxy.calls(order_id)[calls:],
            client_payloads=client,
            worker_payloads=worker,
        )

    async def has_event(self, order_id: str, kind: EventType.ValueType) -> None:
        """Wait until the order's history has an event of this kind."""
        handle = self.bystander.get_workflow_handle(f"order-{order_id}")

        async def there() -> bool:
            return kind in [event.event_type async for event in handle.fetch_history_events()]

        await until(there)

    async def _published(self) -> Counter[str]:
        """What the server has counted so far.

        It publishes that from time to time: wait until it shows one more action.
        """
        await self.bystander.start_workflow(
            "Sentinel",
            id="sentinel",
            task_queue="nobody",
            start_signal="now",
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )

        async def published() -> Counter[str] | None:
            found = await self._shown()
            return found if found[SENTINEL] > self._actions[SENTINEL] else None

        return cast("Counter[str]", await until(published))

    async def _shown(self) -> Counter[str]:
        async with aiohttp.ClientSession() as session, session.get(self.metrics) as answer:
            return actions_in(await answer.text())


@asynccontextmanager
async def open_meter(folder: Path) -> AsyncIterator[Meter]:
    """Open a meter with services in this folder, and with its own Temporal server and worker."""
    port = free_port()
    by_client: list[str] = []
    by_worker: list[str] = []
    async with (
        temporal_server("--metrics-port", str(port)) as address,
        serving(folder) as url,
        FaultProxy(url) as proxy,
    ):
        bystander = await connect(target_host=address)
        await ensure_search_attributes(bystander)
        worker = await connect(target_host=address, identity=IDENTITY, data_converter=counting(by_worker))
        client = await connect(target_host=address, identity=IDENTITY, data_converter=counting(by_client))
        observed = load_settings(**{f"{name}_url": f"{proxy.url}/{name}" for name in SERVICES})
        direct = load_settings(**{f"{name}_url": f"{url}/{name}" for name in SERVICES})
        orders = OrderClient(client, direct)
        async with order_worker(worker, observed), OrderEnvironment.open(orders, direct) as env:
            yield Meter(env, proxy, bystander, f"http://127.0.0.1:{port}/metrics", by_client, by_worker)


def counting(log: list[str]) -> DataConverter:
    """The data converter that we use, with a log of the values that it encodes and decodes."""

    class Counting(OrderPayloadConverter):
        def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
            log.extend(f"writes {type(value).__name__}" for value in values)
            return super().to_payloads(values)

        def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
            values = super().from_payloads(payloads, type_hints)
            # A raw value has not been decoded yet.
            log.extend(f"reads {type(value).__name__}" for value in values if not isinstance(value, RawValue))
            return values

    assert DATA_CONVERTER.payload_converter_class is OrderPayloadConverter
    return replace(DATA_CONVERTER, payload_converter_class=Counting)
