"""A campaign: orders, strikes and decisions as planned, then the healing, then the account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from ordersaga.retail import stock_needed
from ordersaga.testing.books import check_books
from ordersaga.testing.chaos.customers import Customer
from ordersaga.testing.chaos.ground import Battleground
from ordersaga.testing.chaos.journal import Journal
from ordersaga.testing.chaos.judge import Finding, judge
from ordersaga.testing.chaos.operator import Operator
from ordersaga.testing.chaos.plan import SOLD_OUT, Plan
from ordersaga.testing.chaos.reader import Reader
from ordersaga.testing.chaos.report import Report, counted, percentile, recoveries
from ordersaga.testing.chaos.strikes import Striker

HEALING_SECONDS = 180.0
"""How long after the healing an order may still run. Then it has to be on the worklist."""


async def campaign(plan: Plan, out: Path) -> Report:
    """Run a plan, leave its traces in `out`, and give the account of it."""
    (out / "plan.jsonl").write_text("".join(f"{line}\n" for line in plan.lines()), encoding="utf-8")
    orders = [planned.order for planned in plan.orders]
    async with Battleground.open(out / "stack") as ground:
        await ground.services.inventory.load_stock(stock_needed(orders) | {SOLD_OUT: 0})
        with Journal(out / "events.jsonl") as journal:
            return await Campaign(plan, ground, journal).run()


class Campaign:
    """A plan on its ground."""

    def __init__(self, plan: Plan, ground: Battleground, journal: Journal) -> None:
        self._plan, self._ground, self._journal = plan, ground, journal
        self._customers = [Customer(planned, ground, journal) for planned in plan.orders]
        self._striker = Striker(ground.stack, journal)
        self._operator = Operator(self._customers, ground, journal)
        self._reader = Reader(self._customers, ground, journal)

    async def run(self) -> Report:
        """Run it, and give the account."""
        customers = [customer.run() for customer in self._customers]
        others = (self._operator.run(), self._reader.run())
        async with _running(*customers) as orders, _running(*others) as operators:
            await self._strike()
            self._ground.heal()
            await self._striker.heal()
            healed = self._journal.note("healed")
            await asyncio.wait(orders, timeout=HEALING_SECONDS)
            for task in (*orders, *operators):
                if task.done():
                    task.result()
            await self._see_what_waits()
        return await self._account(healed)

    async def _strike(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._plan.seconds):
                await self._striker.run(self._plan.strikes)
                await asyncio.Event().wait()

    async def _see_what_waits(self) -> None:
        waiting = {item.order_id: item.attention for item in await self._operator.worklist()}
        for customer in self._customers:
            customer.record.waits_as = waiting.get(customer.record.order_id)

    async def _account(self, healed: float) -> Report:
        books = await check_books(self._ground.orders)
        records = [customer.record for customer in self._customers if customer.record.begun]
        struck = self._striker.struck
        waited = recoveries(records, struck)
        broken = [Finding(each.detail, each.order_id) for each in books.violations]
        return Report(
            seed=self._plan.seed,
            orders=len(records),
            not_placed=len(self._customers) - len(records),
            ends=counted(record.end for record in records),
            faults=counted(fired.kind for fired in self._ground.proxy.log),
            kills=counted(each.target for each in struck if each.killed),
            stops=counted(each.target for each in struck if not each.killed),
            decisions=counted(self._operator.decisions),
            recovery_p50=percentile(waited, 50),
            recovery_p99=percentile(waited, 99),
            healed_after=max([0.0, *(record.ended_at - healed for record in records if record.ended_at is not None)]),
            looks=self._reader.looks,
            seconds=self._journal.now,
            balanced=books.balanced,
            unsettled=books.unsettled,
            asked_again=dict(self._journal.errors),
            violations=[*(finding for record in records for finding in judge(record)), *broken],
        )


@asynccontextmanager
async def _running(*works: Coroutine[None, None, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Tasks that run while the block does."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
