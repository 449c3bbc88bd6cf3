"""`python -m bench.scale.flash_sale --orders 5000 --units 1000`: everybody orders the same article, and stock is short.

All orders of the sale want one piece of one SKU. Batch by batch, the same number of orders run in which each wants one
of many SKUs. Of those, the same number is in stock, so the later orders are refused as in the sale.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.scale.environment import ScaleEnvironment, markdown, options, publish
from ordersaga.audit.books import check_books
from ordersaga.demo.retail import sample_orders
from ordersaga.domain.errors import OrdersagaError
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus

SALE, SPREAD = "sale", "spread"
REFUSED = "failed: InsufficientInventory"


@dataclass
class Side:
    """One of the two sides: the SKU that an order wants, and the results of all orders."""

    name: str
    skus: list[str]
    sample: OrderInput
    seconds: list[float] = field(default_factory=list)
    """Per batch."""
    cpu: Counter[str] = field(default_factory=Counter)
    """Seconds by program."""
    ends: Counter[str] = field(default_factory=Counter)

    def orders(self, numbers: range) -> Iterator[OrderInput]:
        """The orders with these numbers, each for one piece."""
        for number in numbers:
            sku = self.skus[number % len(self.skus)]
            item = self.sample.items[0].model_copy(update={"sku": sku, "quantity": 1})
            yield self.sample.model_copy(update={"order_id": f"{self.name}-{number:06}", "items": [item]})


async def measure(orders: int, units: int, batches: int, in_flight: int) -> dict[str, Any]:
    """Run the sale. Raises OrdersagaError if not exactly `units` were sold, or if the books do not balance."""
    sample = sample_orders()[0]
    sale = Side(SALE, ["SALE"], sample)
    spread = Side(SPREAD, [f"SPREAD-{number}" for number in range(units)], sample)
    async with ScaleEnvironment.open({"SALE": units} | dict.fromkeys(spread.skus, 1)) as env:
        for number in range(batches):
            numbers = range(number * orders // batches, (number + 1) * orders // batches)
            for side in (sale, spread) if number % 2 == 0 else (spread, sale):
                await _batch(env, side, numbers, in_flight)
            sys.stderr.write(f"batch {number + 1} of {batches}: {sale.seconds[-1]:.1f} s, {spread.seconds[-1]:.1f} s\n")
        await _check(env, [sale, spread], orders, units)
    return {
        "orders": orders,
        "units": units,
        "in_flight": in_flight,
        "throughput_ratio": round(sum(spread.seconds) / sum(sale.seconds), 3),
        "batch_ratios": _ratios(sale, spread),
        "sides": [_to_json(side, orders) for side in (sale, spread)],
    }


async def _batch(env: ScaleEnvironment, side: Side, numbers: range, in_flight: int) -> None:
    orders = side.orders(numbers)
    cpu, began = env.meter.cpu(), time.perf_counter()

    async def in_turn() -> None:
        for order in orders:
            result = await env.orders.place_order(order)
            side.ends[result.status if result.refusal is None else f"{result.status}: {result.refusal}"] += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(in_flight):
            tasks.create_task(in_turn())
    side.seconds.append(time.perf_counter() - began)
    side.cpu += env.meter.cpu() - cpu


async def _check(env: ScaleEnvironment, sides: list[Side], orders: int, units: int) -> None:
    wanted = Counter({OrderStatus.COMPLETED.value: units, REFUSED: orders - units})
    problems = [f"{side.name} ended {dict(side.ends)}, not {dict(wanted)}" for side in sides if side.ends != wanted]
    problems += [
        f"of {item.loaded} pieces of {item.sku}, {item.reserved} are reserved"
        async for item in env.services.inventory.stock()
        if item.on_hand or item.reserved != item.loaded
    ]
    books = await check_books(env.orders)
    problems += [violation.detail for violation in books.violations]
    if problems:
        raise OrdersagaError(f"The sale went wrong: {'; '.join(problems[:20])}")


def _ratios(sale: Side, spread: Side) -> dict[str, float]:
    ratios = [other / own for own, other in zip(sale.seconds, spread.seconds, strict=True)]
    found = {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}
    return {name: round(value, 3) for name, value in found.items()}


def _to_json(side: Side, orders: int) -> dict[str, Any]:
    return {
        "name": side.name,
        "orders_per_s": round(orders / sum(side.seconds), 2),
        "cpu_ms": {role: round(1000 * used / orders, 2) for role, used in sorted(side.cpu.items())},
        "ends": dict(side.ends),
        "seconds": [round(each, 2) for each in side.seconds],
    }


def table(results: dict[str, Any]) -> str:
    """The two sides as a Markdown table."""
    rows = []
    for side in results["sides"]:
        cpu = sum(side["cpu_ms"].values())
        completed, refused = side["ends"]["completed"], side["ends"].get(REFUSED, 0)
        rows.append([side["name"], f"{side['orders_per_s']:.1f}", f"{cpu:.1f}", f"{completed:,}", f"{refused:,}"])
    ratios = results["batch_ratios"]
    return markdown(["", "orders/s", "CPU ms/order", "completed", "refused"], rows) + (
        f"\n\nThe sale compared with the spread orders: {results['throughput_ratio']} of the throughput; "
        f"per batch {ratios['median']} ({ratios['min']} to {ratios['max']})."
    )


def main() -> None:
    """Measure as the command line requests."""
    chosen = options(__doc__ or "", orders=5_000, units=1_000, batches=10, in_flight=50)
    found = asyncio.run(measure(chosen.orders, chosen.units, chosen.batches, chosen.in_flight))
    publish(found, table(found), chosen.out)


if __name__ == "__main__":
    main()
