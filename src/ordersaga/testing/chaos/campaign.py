"""A campaign: orders and strikes as planned, then the healing, then the account."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from ordersaga.testing.books import check_books
from ordersaga.testing.chaos.customers import Customer
from ordersaga.testing.chaos.ground import Ground
from ordersaga.testing.chaos.journal import Journal
from ordersaga.testing.chaos.judge import Finding, judge
from ordersaga.testing.chaos.plan import Plan
from ordersaga.testing.chaos.report import Report, counted, percentile, recoveries
from ordersaga.testing.chaos.strikes import Striker

HEALING_SECONDS = 180.0
"""How long after the healing an order may still run. Then it has to be on the worklist."""


async def campaign(plan: Plan, out: Path) -> Report:
    """Run a plan, leave its traces in `out`, and give the account of it."""
    (out / "plan.jsonl").write_text("".join(f"{line}\n" for line in plan.lines()), encoding="utf-8")
    orders = [planned.order for planned in plan.orders]
    async with Ground.open(out / "stack", orders) as ground:
        with Journal(out / "events.jsonl") as journal:
            customers = [Customer(planned, ground, journal) for planned in plan.orders]
            striker = Striker(ground.stack, journal)
            tasks = [asyncio.create_task(customer.run()) for customer in customers]
            try:
                await _strike(striker, plan)
                healed = await _heal(ground, striker, journal)
                await _end(tasks, customers)
                return await _account(plan, ground, customers, striker, journal, healed)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


async def _strike(striker: Striker, plan: Plan) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(plan.seconds):
            await striker.run(plan.strikes)
            await asyncio.Event().wait()


async def _heal(ground: Ground, striker: Striker, journal: Journal) -> float:
    ground.proxy.faults.clear()
    ground.proxy.release()
    await striker.heal()
    return journal.note("healed")


async def _end(tasks: list[asyncio.Task[None]], customers: list[Customer]) -> None:
    """Wait for the orders to end, and see where those stand that have not."""
    done, _ = await asyncio.wait(tasks, timeout=HEALING_SECONDS)
    for task in done:
        task.result()
    for customer in customers:
        if not customer.story.results:
            view = await customer.view()
            customer.story.left_at = view.status if view else None


async def _account(
    plan: Plan, ground: Ground, customers: list[Customer], striker: Striker, journal: Journal, healed: float
) -> Report:
    books = await check_books(ground.orders)
    stories = [customer.story for customer in customers]
    waited = recoveries(stories, striker.struck)
    broken = [Finding(each.detail, each.order_id) for each in books.violations]
    return Report(
        seed=plan.seed,
        orders=len(stories),
        ends=counted(story.status or "unknown" for story in stories),
        faults=counted(fired.kind for fired in ground.proxy.log),
        kills=counted(each.target for each in striker.struck if each.killed),
        stops=counted(each.target for each in striker.struck if not each.killed),
        recovery_p50=percentile(waited, 50),
        recovery_p99=percentile(waited, 99),
        healed_after=max([0.0, *(story.ended_at - healed for story in stories if story.ended_at is not None)]),
        seconds=journal.now,
        balanced=books.balanced,
        unsettled=books.unsettled,
        asked_again=dict(journal.errors),
        violations=[*(finding for story in stories for finding in judge(story)), *broken],
    )
