"""The worker: a graceful shutdown, and servers on which it may not add search attributes."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import CapturingLogger
from temporalio.client import Client

from ordersaga.domain.errors import TemporalUnavailable
from ordersaga.domain.result import CancelOutcome, OrderStatus
from ordersaga.orders import search_attributes
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.search_attributes import ensure_search_attributes
from ordersaga.orders.worker import order_worker
from ordersaga.settings import SERVICES, Settings
from ordersaga.stack.dev_server import free_port
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from tests.workflow.environment import IN_EFFECT, OrderEnvironment, until


def elsewhere(settings: Settings, queue: str, proxy: FaultProxy) -> Settings:
    urls = {f"{name}_url": f"{proxy.url}/{name}" for name in SERVICES}
    return settings.model_copy(update={"task_queue": queue, **urls})


async def test_a_stopping_worker_lets_its_activity_finish(
    env: OrderEnvironment, temporal: Client, settings: Settings, services_url: str, order_id: str
) -> None:
    async with FaultProxy(services_url, [Fault(Kind.SLOW, "charge", order_id)]) as proxy:
        there = elsewhere(settings, f"stops-{order_id}", proxy)
        orders = OrderClient(temporal, there)
        async with order_worker(temporal, there):
            await orders.submit_order(await env.order(order_id, policy={"fast_path": 0}))

            async def charging() -> bool:
                return bool(proxy.fired(Kind.SLOW))

            await until(charging)
        async with order_worker(temporal, there):
            result = await orders.result(order_id)

    assert result.status is OrderStatus.COMPLETED
    assert {step.name: step.attempts for step in result.steps}["charge_payment"] == 1
    assert await env.books(order_id) == IN_EFFECT


async def test_the_view_of_a_running_order_shows_what_is_being_retried(
    env: OrderEnvironment, temporal: Client, settings: Settings, services_url: str, order_id: str
) -> None:
    fault = Fault(Kind.ERROR_BEFORE, "charge", order_id, attempts=None)
    async with FaultProxy(services_url, [fault]) as proxy:
        there = elsewhere(settings, f"retries-{order_id}", proxy)
        orders = OrderClient(temporal, there)
        async with order_worker(temporal, there):
            await orders.submit_order(await env.order(order_id))

            async def retried() -> bool:
                return (await orders.get_order(order_id)).steps[1].attempts >= 3

            await until(retried)
            charge = (await orders.get_order(order_id)).steps[1]
            assert charge.attempts == len(proxy.log)
            assert "payment answered 500 to POST /charges" in (charge.last_error or "")
            answer = await orders.cancel_order(order_id, "enough")
            result = await orders.result(order_id)

    assert (answer.outcome, result.status) == (CancelOutcome.CANCELLED, OrderStatus.CANCELLED)


async def test_a_server_that_does_not_answer_is_named_within_seconds() -> None:
    address = f"127.0.0.1:{free_port()}"
    async with asyncio.timeout(12):
        with pytest.raises(TemporalUnavailable, match=rf"{address}.*`ordersaga up`"):
            await connect(target_host=address)


async def test_where_search_attributes_cannot_be_added_the_log_says_what_to_run(
    temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = CapturingLogger()
    monkeypatch.setattr(search_attributes, "log", log)
    config = temporal.config()
    config["namespace"] = "nowhere"

    assert not await ensure_search_attributes(Client(**config))
    (warning,) = log.calls
    assert "search-attribute create --namespace nowhere --name OrderStatus" in warning.kwargs["run"]
