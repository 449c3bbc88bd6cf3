"""Runs the scenarios: places each order, and injects what its cause says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self

from ordersaga.audit.books import Books, check_books
from ordersaga.contracts.shipping import ShipmentEventState
from ordersaga.demo.retail import stock_needed
from ordersaga.demo.scenarios import SOLD_OUT, Cause, Scenario
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.service_clients import Services, ShippingClient
from ordersaga.orders.workflows.steps import SHIP
from ordersaga.stack import Stack
from ordersaga.stack.faults import Fault, FaultProxy, Kind

CONCURRENCY = 20
POLL_SECONDS = 0.05
CARRIER_SECONDS = 10.0
KILL_AFTER = 0.3
"""The fraction of orders that have ended when the worker is killed."""


class DemoRun:
    """Runs scenarios on a stack whose worker calls the services through the proxy."""

    def __init__(
        self, scenarios: list[Scenario], stack: Stack, proxy: FaultProxy, orders: OrderClient, shipping: ShippingClient
    ) -> None:
        self.scenarios = scenarios
        self.started = 0
        self.news = ""
        self._stack, self._proxy, self._orders, self._shipping = stack, proxy, orders, shipping
        self._slots = asyncio.Semaphore(CONCURRENCY)

    @classmethod
    @asynccontextmanager
    async def on(cls, stack: Stack, proxy: FaultProxy, scenarios: list[Scenario]) -> AsyncIterator[Self]:
        """Prepare a run, with enough stock for all its orders."""
        temporal = await connect(target_host=stack.temporal, namespace="default", tls=False, api_key=None)
        async with Services.open(stack.services) as services:
            await services.inventory.load_stock(stock_needed(scenario.order for scenario in scenarios) | {SOLD_OUT: 0})
            async with OrderClient(temporal, stack.settings()) as orders:
                yield cls(scenarios, stack, proxy, orders, services.shipping)

    @property
    def ended(self) -> int:
        """How many orders have ended."""
        return sum(scenario.result is not None for scenario in self.scenarios)

    async def run(self) -> None:
        """Run all scenarios, several at a time."""
        async with asyncio.TaskGroup() as tasks:
            for scenario in self.scenarios:
                tasks.create_task(self._run_scenario(scenario))

    async def books(self) -> Books:
        """Check whether the books balance."""
        return await check_books(self._orders)

    async def _run_scenario(self, scenario: Scenario) -> None:
        if scenario.cause is Cause.WORKER_KILLED:
            await self._until_some_ended()
            await self._end(scenario)  # without a slot, so that other orders are in progress when the worker is killed
            return
        async with self._slots:
            await self._end(scenario)

    async def _end(self, scenario: Scenario) -> None:
        began = time.monotonic()
        self.started += 1
        self._prepare(scenario)
        await self._orders.submit_order(scenario.order)
        await self._interfere(scenario)
        scenario.result = await self._orders.result(scenario.order.order_id)
        scenario.seconds = time.monotonic() - began

    def _prepare(self, scenario: Scenario) -> None:
        order_id = scenario.order.order_id
        match scenario.cause:
            case Cause.LOST_RESPONSE:
                self._proxy.faults.append(Fault(Kind.LOSE_RESPONSE, "charge", order_id))
            case Cause.WORKER_KILLED:
                self._proxy.faults.append(Fault(Kind.SLOW, "ship", order_id, seconds=5))
            case Cause.CANCEL_REFUSED:
                # Delay the confirmation, so that the order is still in progress when it is cancelled.
                self._proxy.faults.append(Fault(Kind.UNAVAILABLE, "notify", order_id, attempts=range(1, 5)))

    async def _interfere(self, scenario: Scenario) -> None:
        order_id = scenario.order.order_id
        match scenario.cause:
            case Cause.CANCELLED_IN_TIME:
                answer = await self._orders.cancel_order(order_id, "the customer has changed their mind")
                scenario.verdict = answer.outcome
            case Cause.CANCEL_REFUSED:
                await self._parcel_leaves(order_id)
                answer = await self._orders.cancel_order(order_id, "the customer has changed their mind")
                scenario.verdict = answer.outcome
            case Cause.WORKER_KILLED:
                await self._shipment_made(order_id)
                self._stack.kill("worker")
                self.news = f"Killed the worker (kill -9) with {self.started - self.ended} orders in progress"

    async def _until_some_ended(self) -> None:
        async def enough() -> bool:
            return self.ended >= len(self.scenarios) * KILL_AFTER

        await _until(enough)

    async def _shipment_made(self, order_id: str) -> None:
        async def made() -> bool:
            return any(fired.status for fired in self._proxy.fired(Kind.SLOW, "ship", order_id))

        await _until(made)

    async def _parcel_leaves(self, order_id: str) -> None:
        async def booked() -> bool:
            return bool([entry async for entry in self._shipping.shipments(order_id=order_id)])

        await _until(booked)
        await self._shipping.move(SHIP.effect_id(order_id), ShipmentEventState.SHIPPED, CARRIER_SECONDS)


async def _until(check: Callable[[], Awaitable[bool]]) -> None:
    while True:
        if await check():
            return
        await asyncio.sleep(POLL_SECONDS)
