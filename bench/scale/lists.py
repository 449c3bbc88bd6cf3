"""`python -m bench.scale.lists --orders 100000`: what the register's lists cost when it has many orders.

The orders are written as runs write them, into SQLite and into PostgreSQL. Then each list is asked for over HTTP, all
lists in turn, and the CPU that the service and the database have used meanwhile is read.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import aiohttp

from bench.engine import Part
from bench.environment import running
from bench.meter import Meter
from bench.peers import postgres
from bench.scale.environment import markdown, options, publish
from bench.stats import Spread, spread
from ordersaga.contracts.register import Attention, ClaimRequest, EndingRequest, ProgressRequest
from ordersaga.domain.result import OrderStatus
from ordersaga.services.kit.store import Transaction
from ordersaga.services.main import store_of
from ordersaga.services.register import arbiter, reports
from ordersaga.settings import PREFIX
from ordersaga.stack import programs
from ordersaga.stack.locks import free_ports

SEED = 7
WRITTEN_TOGETHER = 1_000
LIVE_ORDERS = 1_000
"""The newest orders are under way, and all others have ended."""
WAITING = 200
"""So many orders wait for a person, among the live and the ended ones."""
ALLOWED_MS = 50.0


@dataclass(frozen=True)
class Shop:
    """The orders of a shop, by number. The same number is always the same order."""

    orders: int
    skus: int = 500
    customers: int = 20_000

    def claim(self, number: int) -> ClaimRequest:
        """The order as it is accepted."""
        rng = random.Random(f"{SEED}-{number}")  # noqa: S311
        customer = rng.randrange(self.customers)
        items = [{"sku": self.sku(rng.random()), "quantity": rng.randint(1, 3)} for _ in range(rng.randint(1, 4))]
        return ClaimRequest.model_validate(
            {
                "owner": f"{number}-bench",
                "customer_id": f"customer-{customer}",
                "email": f"customer-{customer}@example.com",
                "amount": f"{rng.randint(5, 900)}.90",
                "currency": "EUR" if rng.random() < 0.1 else "USD",
                "task_queue": "orders",
                "order": {"items": items, "shipping_address": {"line1": "1 Main St", "city": "Springfield"}},
            }
        )

    def sku(self, part: float) -> str:
        """An article. The first is in many orders, the last in few."""
        return f"sku-{int(part**3 * self.skus)}"

    def ending(self, number: int) -> EndingRequest | None:
        """The order's end; None for those under way."""
        if number >= self.orders - LIVE_ORDERS:
            return None
        status = random.Random(number).choices(("completed", "failed", "cancelled"), (90, 7, 3))[0]  # noqa: S311
        result = {"status": status, "tracking_number": f"TRK-{number}" if status == "completed" else None}
        return EndingRequest.model_validate(
            {
                "owner": f"{number}-bench",
                "status": status,
                "result": result,
                "run_id": f"run-{number}",
                "attention": self.attention(number),
            }
        )

    def progress(self, number: int) -> ProgressRequest:
        """The report of an order under way."""
        attention = self.attention(number)
        status = OrderStatus.NEEDS_ATTENTION if attention else OrderStatus.PROCESSING
        return ProgressRequest(
            owner=f"{number}-bench", run_id=f"run-{number}", number=3, status=status, attention=attention
        )

    def attention(self, number: int) -> Attention | None:
        """Why the order waits for a person, if it does: every so many orders."""
        if number % max(1, self.orders // WAITING):
            return None
        since = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
        return Attention(kind="undo_failed", amount_at_risk="5.00", since=since)


def order_id_of(number: int) -> str:
    """The id of an order."""
    return f"order-{number:09}"


def lists(orders: int) -> dict[str, tuple[str, dict[str, str]]]:
    """The path and the parameters of each list that is measured, by what it shows."""
    middle = orders // 2
    return {
        "first page": ("orders", {}),
        "first page of 500": ("orders", {"limit": "500"}),
        "processing": ("orders", {"status": "processing"}),
        "completed": ("orders", {"status": "completed"}),
        "cancelled": ("orders", {"status": "cancelled"}),
        "needs attention": ("orders", {"attention": "true"}),
        "a customer": ("orders", {"customer_id": "customer-7"}),
        "an email address": ("orders", {"email": "customer-7@example.com"}),
        "a SKU in many orders": ("orders", {"sku": "sku-0"}),
        "a SKU in few orders": ("orders", {"sku": "sku-499"}),
        "a SKU, cancelled": ("orders", {"sku": "sku-0", "status": "cancelled"}),
        "a tracking number": ("orders", {"tracking_number": f"TRK-{middle}"}),
        "an order id's beginning, many": ("orders", {"search": "order-"}),
        "an order id's beginning, one": ("orders", {"search": order_id_of(middle)}),
        "no such id": ("orders", {"search": "zzz"}),
        "an amount, few": ("orders", {"currency": "USD", "min_amount": "900.90"}),
        "an amount, none": ("orders", {"currency": "USD", "min_amount": "5000.00"}),
        "an amount, cancelled": ("orders", {"currency": "EUR", "min_amount": "890.00", "status": "cancelled"}),
        "placed before all": ("orders", {"placed_before": "2020-01-01T00:00:00Z"}),
        "another task queue": ("orders", {"task_queue": "other"}),
        "worklist": ("worklist", {}),
        "worklist, one kind": ("worklist", {"kind": "undo_failed"}),
        "totals": ("totals", {}),
    }


async def fill(url: str, shop: Shop) -> None:
    """Write the orders into the register at this database URL."""
    store = store_of("register", url)
    await asyncio.to_thread(store.migrate)

    async def some(tx: Transaction, numbers: range) -> None:
        for number in numbers:
            order_id = order_id_of(number)
            await arbiter.claim(tx, order_id, shop.claim(number))
            ending = shop.ending(number)
            if ending:
                await arbiter.end(tx, order_id, ending)
            else:
                await reports.progress(tx, order_id, shop.progress(number))

    async with store.lifespan():
        for first in range(0, shop.orders, WRITTEN_TOGETHER):
            await store.write(partial(some, numbers=range(first, min(first + WRITTEN_TOGETHER, shop.orders))))


@asynccontextmanager
async def database(kind: str, folder: Path) -> AsyncIterator[tuple[str, dict[str, list[int]]]]:
    """An empty database; yields its URL and the process ids of its server."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}", {}
        return
    (port,) = free_ports({"postgres": 0})
    async with running(postgres.postgres(folder, port), folder) as server:
        yield postgres.url(port), {"database": [server.pid]}


async def measure(kind: str, shop: Shop, rounds: int) -> dict[str, dict[str, Spread]]:
    """The milliseconds of CPU for each list, by program, in a database of this kind."""
    with tempfile.TemporaryDirectory(prefix="ordersaga-lists-") as name:
        folder = Path(name)
        async with AsyncExitStack() as stack:
            url, servers = await stack.enter_async_context(database(kind, folder))
            began = time.monotonic()
            await fill(url, shop)
            sys.stderr.write(f"{kind}: {shop.orders:,} orders written in {time.monotonic() - began:.0f} s\n")
            (port,) = free_ports({"services": 0})
            part = Part("services", programs.services(port), {f"{PREFIX}DATABASE_URL": url})
            service = await stack.enter_async_context(running(part, folder))
            meter = Meter(lambda: servers | {"service": [service.pid]})
            http = await stack.enter_async_context(aiohttp.ClientSession(f"http://{programs.HOST}:{port}/register/"))
            return await _measure(http, meter, shop, rounds)


async def _measure(http: aiohttp.ClientSession, meter: Meter, shop: Shop, rounds: int) -> dict[str, dict[str, Spread]]:
    wanted = lists(shop.orders)
    found: dict[str, dict[str, list[float]]] = {name: {} for name in wanted}
    for number in range(-1, rounds):  # the first round warms up
        for name, (path, query) in wanted.items():
            for role, used in (await _cpu_of(http, meter, path, query)).items():
                if number >= 0:
                    found[name].setdefault(role, []).append(used)
    return {name: {role: spread(values) for role, values in roles.items()} for name, roles in found.items()}


_ASKED = 20
"""Requests for a reading: the system counts CPU in hundredths of a second."""


async def _cpu_of(http: aiohttp.ClientSession, meter: Meter, path: str, query: dict[str, str]) -> dict[str, float]:
    before = meter.cpu()
    for _ in range(_ASKED):
        async with http.get(path, params=query) as response:
            response.raise_for_status()
            await response.read()
    used = meter.cpu()
    return {role: 1000 * (used[role] - before[role]) / _ASKED for role in used}


def table(results: dict[str, dict[str, dict[str, Spread]]]) -> str:
    """The results as a Markdown table."""
    columns = [(kind, role) for kind, found in results.items() for role in next(iter(found.values()))]
    header = ["list", *(f"{kind}, {role}" for kind, role in columns)]

    def cells(name: str) -> Iterator[str]:
        for kind, role in columns:
            each = results[kind][name][role]
            yield f"{each['median']:.1f} ({each['min']:.1f} to {each['max']:.1f})"

    return markdown(header, [[name, *cells(name)] for name in next(iter(results.values()))])


def main() -> int:
    """Measure as the command line requests. Returns 1 if a list takes the service more than it may."""
    chosen = options(__doc__ or "", orders=100_000, rounds=5)
    shop = Shop(chosen.orders)
    results = {kind: asyncio.run(measure(kind, shop, chosen.rounds)) for kind in ("sqlite", "postgresql")}
    figures = {"orders": chosen.orders, "rounds": chosen.rounds, "cpu_ms": results}
    publish(figures, table(results), chosen.out)
    slow = [
        f"{name} on {kind}"
        for kind, found in results.items()
        for name, roles in found.items()
        if roles["service"]["median"] > ALLOWED_MS
    ]
    if slow:
        sys.stderr.write(f"More than {ALLOWED_MS:g} ms of the service's CPU: {', '.join(slow)}\n")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
