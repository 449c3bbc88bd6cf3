"""The load: the orders that are placed, and their rate. The same for every engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from bench.engine import Place
from ordersaga.demo.retail import sample_orders
from ordersaga.domain.order import OrderInput

PIECES = 50_000_000
"""The stock of each SKU: nothing runs out."""
SHOWN_ERRORS = 3
CURRENCY = "USD"


@dataclass(frozen=True)
class Phase:
    """A number of orders whose ids begin with `name`: at most `in_flight` at once, or `rate` per second."""

    name: str
    orders: int
    in_flight: int = 0
    rate: float = 0.0


@dataclass
class Outcome:
    """The outcome of a phase. Times are in seconds; `ended` counts from the phase's beginning."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    failed: int = 0
    errors: list[str] = field(default_factory=list)


def orders_of(phase: Phase) -> Iterator[OrderInput]:
    """Real orders of a real shop, repeated, with ids of this phase.

    In dollars, because the naive saga has no currency.
    """
    samples = sample_orders()
    for number in range(phase.orders):
        yield samples[number % len(samples)].model_copy(
            update={"order_id": order_id(phase.name, number), "currency": CURRENCY}
        )


def order_id(phase: str, number: int) -> str:
    """The id of an order of a phase."""
    return f"{phase}-{number:06}"


def stock() -> dict[str, int]:
    """Enough stock of every SKU in the orders."""
    return {item.sku: PIECES for order in sample_orders() for item in order.items}


async def run(phase: Phase, place: Place) -> Outcome:
    """Place a phase's orders, and wait until all have ended."""
    began = time.perf_counter()
    outcome = Outcome()
    orders = orders_of(phase)

    async def one(order: OrderInput, due: float) -> None:
        try:
            await place(order)
        except Exception as error:
            outcome.failed += 1
            if len(outcome.errors) < SHOWN_ERRORS:
                outcome.errors.append(f"{order.order_id}: {type(error).__name__}: {error}")
            return
        now = time.perf_counter()
        outcome.latencies.append(now - due)
        outcome.ended.append(now - began)

    async def in_turn() -> None:
        for order in orders:
            await one(order, time.perf_counter())

    async with asyncio.TaskGroup() as tasks:
        for _ in range(phase.in_flight):
            tasks.create_task(in_turn())
        # An order's latency counts from when it was due, so it includes the time that it had to wait for its turn.
        for number, order in enumerate(islice(orders, phase.orders if phase.rate else 0)):
            due = began + number / phase.rate
            await asyncio.sleep(due - time.perf_counter())
            tasks.create_task(one(order, due))
    outcome.seconds = time.perf_counter() - began
    return outcome
