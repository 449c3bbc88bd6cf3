"""The worker: runs the workflows and activities of orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Replayer, Worker

from ordersaga.orders.activities import (
    InventoryActivities,
    NotificationActivities,
    PaymentActivities,
    RegisterActivities,
    ShippingActivities,
)
from ordersaga.orders.connection import DATA_CONVERTER, pollers
from ordersaga.orders.recovery.watcher import Watcher, ensure_schedule
from ordersaga.orders.sandbox import workflow_runner
from ordersaga.orders.search_attributes import ensure_search_attributes
from ordersaga.orders.service_clients import Services
from ordersaga.orders.workflows.order import OrderSagaWorkflow
from ordersaga.orders.workflows.recovery import OrderRecoveryWorkflow
from ordersaga.orders.workflows.story import ORDER_SAGA
from ordersaga.orders.workflows.watch import WatcherWorkflow
from ordersaga.saga import first_attempts
from ordersaga.settings import Settings

log = structlog.get_logger(__name__)

SHUTDOWN_GRACE = timedelta(seconds=20)
"""How long a stopping worker lets its activities finish."""

KNOWN_SECONDS = 10.0
KNOWN_PAUSE = 0.05

STICKY = timedelta(seconds=5)
"""How long an order, or a query about it, waits for the worker that has it in its cache before any worker gets it.

It must be shorter than the client's LIVE_PATIENCE. Otherwise a query about an order of a killed worker finds no worker.
"""

WORKFLOWS: tuple[type, ...] = (OrderSagaWorkflow, OrderRecoveryWorkflow, WatcherWorkflow)


@asynccontextmanager
async def order_worker(client: Client, settings: Settings, *, sandboxed: bool = False) -> AsyncIterator[Worker]:
    """Run a worker on the settings' task queue until the block ends. Then its activities may finish first.

    Tests run it `sandboxed` (see ordersaga.orders.sandbox).
    """
    async with Services.open(settings.service_urls()) as services:
        watcher = Watcher(client, settings.task_queue, services)
        worker = Worker(
            client,
            task_queue=settings.task_queue,
            workflows=WORKFLOWS,
            activities=[*_activities(services), watcher.watch_orders],
            workflow_runner=workflow_runner(client.data_converter, sandboxed=sandboxed),
            graceful_shutdown_timeout=SHUTDOWN_GRACE,
            sticky_queue_schedule_to_start_timeout=STICKY,
        )
        async with worker:
            yield worker


def replayer(workflows: Sequence[type] = WORKFLOWS) -> Replayer:
    """What replays histories, in the sandbox; docs/how-to/upgrade.md says what for."""
    runner = workflow_runner(DATA_CONVERTER, sandboxed=True)
    return Replayer(workflows=workflows, workflow_runner=runner, data_converter=DATA_CONVERTER)


async def run_worker(
    client: Client, settings: Settings, stop: asyncio.Event, on_ready: Callable[[], None] | None = None
) -> None:
    """Run a worker until `stop` is set. `on_ready` is called when it accepts orders."""
    await ensure_search_attributes(client)
    await ensure_schedule(client, settings.task_queue, timedelta(seconds=settings.watch_every))
    async with order_worker(client, settings):
        await _until_known(client, settings.task_queue)
        log.info("worker ready", task_queue=settings.task_queue, namespace=client.namespace)
        if on_ready:
            on_ready()
        await stop.wait()
        log.info("worker stopping; running activities may finish", grace=f"{SHUTDOWN_GRACE.total_seconds():g} s")


async def _until_known(client: Client, task_queue: str) -> None:
    """Wait until the server knows this worker. Before that, it rejects queries about orders."""
    with suppress(RPCError, TimeoutError):
        async with asyncio.timeout(KNOWN_SECONDS):
            while True:
                if client.identity in await pollers(client, task_queue):
                    return
                await asyncio.sleep(KNOWN_PAUSE)


def _activities(services: Services) -> list[Callable[..., Any]]:
    inventory = InventoryActivities(services.inventory, services.register)
    payment = PaymentActivities(services.payment, services.register)
    shipping = ShippingActivities(services.shipping, services.register)
    notification = NotificationActivities(services.notification, services.register)
    register = RegisterActivities(services.register)
    of_steps: list[Callable[..., Any]] = [
        inventory.reserve_inventory,
        inventory.release_inventory,
        payment.charge_payment,
        payment.refund_payment,
        shipping.create_shipment,
        shipping.cancel_shipment,
        notification.send_confirmation,
        notification.recall_confirmation,
        register.accept_order,
        register.close_order,
    ]
    of_register: list[Callable[..., Any]] = [
        register.announce_unwind,
        register.announce_forward,
        register.record_decision,
        register.record_progress,
    ]
    return [*of_steps, *of_register, first_attempts(ORDER_SAGA, of_steps)]
