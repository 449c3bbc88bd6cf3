"""A campaign: orders, process faults and decisions as planned; then the faults stop, and the orders are checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from ordersaga.audit.books import check_books
from ordersaga.demo.retail import stock_needed
from resilience.chaos.checks import Finding, check_order
from resilience.chaos.customers import Customer
from resilience.chaos.environment import ChaosEnvironment
from resilience.chaos.event_log import EventLog
from resilience.chaos.operator import Operator
from resilience.chaos.plan import SOLD_OUT, Plan
from resilience.chaos.process_faults import ProcessFaults
from resilience.chaos.reader import Reader
from resilience.chaos.report import Report, counted, percentile, recoveries

GRACE_SECONDS = 180.0
"""How long an order may still run after the faults have stopped. After that it must be on the worklist."""


async def campaign(plan: Plan, out: Path) -> Report:
    """Run a plan, write its files to `out`, and return the report."""
    (out / "plan.jsonl").write_text("".join(f"{line}\n" for line in plan.lines()), encoding="utf-8")
    orders = [planned.order for planned in plan.orders]
    async with ChaosEnvironment.open(out / "stack") as env:
        await env.services.inventory.load_stock(stock_needed(orders) | {SOLD_OUT: 0})
        with EventLog(out / "events.jsonl") as event_log:
            return await Campaign(plan, env, event_log).run()


class Campaign:
    """A plan in its environment."""

    def __init__(self, plan: Plan, env: ChaosEnvironment, event_log: EventLog) -> None:
        self._plan, self._env, self._event_log = plan, env, event_log
        self._customers = [Customer(planned, env, event_log) for planned in plan.orders]
        self._process_faults = ProcessFaults(env.stack, event_log)
        self._operator = Operator(self._customers, env, event_log)
        self._reader = Reader(self._customers, env, event_log)

    async def run(self) -> Report:
        """Run the plan, and return the report."""
        customers = [customer.run() for customer in self._customers]
        others = (self._operator.run(), self._reader.run())
        async with _running(*customers) as orders, _running(*others) as operators:
            await self._inject()
            self._env.stop_faults()
            await self._process_faults.stop_faults()
            faults_stopped = self._event_log.note("healed")
            await asyncio.wait(orders, timeout=GRACE_SECONDS)
            for task in (*orders, *operators):
                if task.done():
                    task.result()
            await self._see_what_waits()
        return await self._account(faults_stopped)

    async def _inject(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._plan.seconds):
                await self._process_faults.run(self._plan.process_faults)
                await asyncio.Event().wait()

    async def _see_what_waits(self) -> None:
        waiting = {item.order_id: item.attention for item in await self._operator.worklist()}
        for customer in self._customers:
            customer.record.waits_as = waiting.get(customer.record.order_id)

    async def _account(self, faults_stopped: float) -> Report:
        books = await check_books(self._env.orders)
        records = [customer.record for customer in self._customers if customer.record.begun]
        faulted = self._process_faults.faulted
        waited = recoveries(records, faulted)
        broken = [Finding(each.detail, each.order_id) for each in books.violations]
        return Report(
            seed=self._plan.seed,
            orders=len(records),
            not_placed=len(self._customers) - len(records),
            ends=counted(record.end for record in records),
            faults=counted(fired.kind for fired in self._env.proxy.log),
            kills=counted(each.target for each in faulted if each.killed),
            stops=counted(each.target for each in faulted if not each.killed),
            decisions=counted(self._operator.decisions),
            recovery_p50=percentile(waited, 50),
            recovery_p99=percentile(waited, 99),
            ended_after=max(
                [0.0, *(record.ended_at - faults_stopped for record in records if record.ended_at is not None)]
            ),
            rounds=self._reader.rounds,
            seconds=self._event_log.now,
            balanced=books.balanced,
            unsettled=books.unsettled,
            retried=dict(self._event_log.errors),
            violations=[*(finding for record in records for finding in check_order(record)), *broken],
        )


@asynccontextmanager
async def _running(*works: Coroutine[None, None, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Tasks that run as long as the block."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
