"""`python -m bench.scale.curve --orders 20000`: the cost of an order after many others, on one stack.

One `ordersaga place -` gets all orders through a pipe. After each window of orders, this measures the CPU that each
program has used in it, its memory, and the size of the databases.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.load import Phase, orders_of, stock
from bench.scale.environment import ROLES, ScaleEnvironment, markdown, options, publish
from ordersaga.audit.books import check_books
from ordersaga.domain.errors import OrdersagaError
from ordersaga.domain.order import OrderInput
from ordersaga.stack.programs import inherited

MB = 1e6
LONGEST_LINE = 1 << 20
STOP_SECONDS = 10.0


@dataclass
class Window:
    """Some orders that ended one after the other. `orders` counts all orders since the beginning, including these."""

    orders: int
    orders_per_s: float
    cpu_ms: dict[str, float]
    """CPU per order in milliseconds, by program."""
    memory_mb: dict[str, float]
    disk_mb: dict[str, float]

    @property
    def cpu(self) -> float:
        """CPU per order in milliseconds, for all programs."""
        return sum(self.cpu_ms.values())


@dataclass
class Measure:
    """Reads the meter after each window."""

    env: ScaleEnvironment
    windows: list[Window] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began, self._cpu = time.perf_counter(), self.env.meter.cpu()

    async def window(self, orders: int) -> None:
        """Record that this many more orders have ended."""
        cpu, now = self.env.meter.cpu(), time.perf_counter()
        memory = await asyncio.to_thread(self.env.meter.memory)
        total = orders + (self.windows[-1].orders if self.windows else 0)
        self.windows.append(
            Window(
                total,
                orders / (now - self._began),
                {role: 1000 * (cpu[role] - self._cpu[role]) / orders for role in ROLES},
                {role: memory[role] / MB for role in ROLES},
                {name: size / MB for name, size in self.env.disk().items()},
            )
        )
        last = self.windows[-1]
        sys.stderr.write(f"{total:,} orders: {last.orders_per_s:.1f} a second, {last.cpu:.1f} ms of CPU each\n")
        self._began, self._cpu = now, cpu


async def measure(orders: int, window: int, in_flight: int) -> dict[str, Any]:
    """Place the orders, and measure each window of them. The books are checked at the end."""
    async with ScaleEnvironment.open(stock()) as env:
        statuses: Counter[str] = Counter()
        async with _placing(env, in_flight) as process:
            env.client_pid = process.pid
            measure = Measure(env)
            writing = asyncio.create_task(_write(process, orders_of(Phase("curve", orders))))
            # The client waits for more input until the last window is measured. Otherwise it would have ended by then.
            while statuses.total() < orders:
                statuses[await _status(process)] += 1
                if statuses.total() % window == 0:
                    await measure.window(window)
            await writing
        books = await check_books(env.orders)
    return {
        "orders": orders,
        "window": window,
        "in_flight": in_flight,
        "statuses": dict(statuses),
        "balanced": books.balanced,
        "trend": trend(measure.windows),
        "windows": [asdict(each) for each in measure.windows],
    }


def trend(windows: Sequence[Window]) -> dict[str, float]:
    """The last window's figures divided by the second's, on the regression line.

    The line is fitted to all windows but the first, in which the programs warm up.
    """
    steady = windows[1:]
    if len(steady) < 2:
        return {}
    counts = [float(each.orders) for each in steady]
    figures = {"orders_per_s": [each.orders_per_s for each in steady], "cpu_ms": [each.cpu for each in steady]}
    figures |= {f"cpu_ms.{role}": [each.cpu_ms[role] for each in steady] for role in ROLES}
    figures |= {f"memory_mb.{role}": [each.memory_mb[role] for each in steady] for role in ROLES}
    return {name: _growth(counts, values) for name, values in figures.items()}


def table(windows: Iterable[Window]) -> str:
    """The windows as a Markdown table."""
    header = ["orders so far", "orders/s", "CPU ms/order", *(f"{role} CPU" for role in ROLES)]
    header += [*(f"{role} MB" for role in ROLES), "Temporal's database MB", "services' databases MB"]
    rows = []
    for each in windows:
        figures = [each.orders_per_s, each.cpu, *(each.cpu_ms[role] for role in ROLES)]
        sizes = [*(each.memory_mb[role] for role in ROLES), *each.disk_mb.values()]
        rows.append([f"{each.orders:,}", *(f"{value:.1f}" for value in figures), *(f"{value:.0f}" for value in sizes)])
    return markdown(header, rows)


def _growth(counts: Sequence[float], values: Sequence[float]) -> float:
    slope, start = statistics.linear_regression(counts, values)
    return round((start + slope * counts[-1]) / (start + slope * counts[0]), 3)


@asynccontextmanager
async def _placing(env: ScaleEnvironment, in_flight: int) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ordersaga", "place", "-", "--json", "--concurrency", str(in_flight)),
        stdin=PIPE,
        stdout=PIPE,
        env=inherited() | env.stack.environment,
        limit=LONGEST_LINE,
    )
    assert process.stdin
    try:
        yield process
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _write(process: Process, orders: Iterable[OrderInput]) -> None:
    assert process.stdin
    for order in orders:
        process.stdin.write(order.model_dump_json(exclude_none=True).encode() + b"\n")
        await process.stdin.drain()


async def _status(process: Process) -> str:
    assert process.stdout
    line = await process.stdout.readline()
    if not line:
        raise OrdersagaError("`ordersaga place` ended early. The reason is above.")
    return str(json.loads(line)["status"])


def main() -> None:
    """Measure as the command line requests."""
    chosen = options(__doc__ or "", orders=20_000, window=1_000, in_flight=50)
    found = asyncio.run(measure(chosen.orders, chosen.window, chosen.in_flight))
    publish(found, table(Window(**each) for each in found["windows"]), chosen.out)


if __name__ == "__main__":
    main()
