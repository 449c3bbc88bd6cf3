"""How a shop places and cancels an order on each engine."""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from temporalio.client import Client

from bench.engine import EngineConfig
from ordersaga.domain.order import OrderInput
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.settings import load_settings
from ordersaga.stack.programs import HOST

RESULT_SECONDS = 900.0


class Actor(ABC):
    """A shop on one engine."""

    @abstractmethod
    async def place(self, order: OrderInput) -> str:
        """Place an order, and wait for its end: the status or the error that the shop reads."""

    @abstractmethod
    async def cancel(self, order_id: str) -> None:
        """Cancel the order in the way that the engine has."""


class Ordersaga(Actor):
    """ordersaga's own client."""

    def __init__(self, orders: OrderClient) -> None:
        self._orders = orders

    async def place(self, order: OrderInput) -> str:
        """The result's status, and why."""
        result = await self._orders.place_order(order)
        return f"{result.status}{f' ({result.refusal})' if result.refusal else ''}"

    async def cancel(self, order_id: str) -> None:
        """By the update."""
        await self._orders.cancel_order(order_id, "changed my mind")


class Naive(Actor):
    """A naive saga on Temporal."""

    def __init__(self, temporal: Client) -> None:
        self._temporal = temporal

    async def place(self, order: OrderInput) -> str:
        """The result's status."""
        from bench.peers.naive.placing import place

        try:
            await place(self._temporal, order)
        except RuntimeError:  # a result that is not `completed`
            return "failed"
        return "completed"

    async def cancel(self, order_id: str) -> None:
        """By Temporal's own cancellation."""
        await self._temporal.get_workflow_handle(f"order-{order_id}").cancel()


class Celery(Actor):
    """A chain of tasks."""

    def __init__(self) -> None:
        self._results: dict[str, Any] = {}

    async def place(self, order: OrderInput) -> str:
        """Completed, or the error of the chain."""
        from bench.peers.celery_app import saga

        result = self._results[order.order_id] = await asyncio.to_thread(saga(order).apply_async)
        await asyncio.to_thread(result.get, timeout=RESULT_SECONDS)
        return "completed"

    async def cancel(self, order_id: str) -> None:
        """Revoke all tasks of the chain, the one that runs too."""
        node = self._results[order_id]
        while node is not None:
            await asyncio.to_thread(node.revoke, terminate=True)
            node = node.parent


@asynccontextmanager
async def actor(name: str, config: EngineConfig) -> AsyncIterator[Actor]:
    """The shop of the engine of this name, connected."""
    if name == "celery":
        os.environ["CELERY_BROKER_URL"] = f"redis://{HOST}:{config.ports[0]}/0"
        yield Celery()
        return
    address = f"{HOST}:{config.ports[0]}"
    if name == "naive":
        yield Naive(await Client.connect(address))
        return
    urls = {f"{service}_url": url for service, url in config.services.items()}
    async with OrderClient(await connect(target_host=address), load_settings(**urls)) as orders:
        yield Ordersaga(orders)
