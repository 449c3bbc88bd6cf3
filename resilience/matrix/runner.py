"""Runs cells: many at a time, those with the same crash together. At the end the books are checked once for all."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

from ordersaga.audit.books import Violation, check_books
from resilience.environment import Environment
from resilience.matrix.cell import Cell, End, Outcome
from resilience.matrix.checks import check_answer, check_close, check_end, check_faults_fired
from resilience.matrix.crashes import crash_processes
from resilience.matrix.scenario import Scenario

AT_ONCE = 25
STOCK = 10
PATIENCE = 120.0
"""The time limit of a cell, in seconds."""
IN_PLACE = 60.0
"""The time limit, in seconds, for all orders to reach their place before a crash."""

ReportProgress = Callable[[str], None]


async def run_cells(
    cells: list[Cell], env: Environment, report_progress: ReportProgress = lambda _line: None
) -> list[Outcome]:
    """Run these cells, and check each by its order's answer, its faults, and the books."""
    await env.services.inventory.load_stock(dict.fromkeys((cell.order_id for cell in cells), STOCK))
    batches: dict[str | None, list[Cell]] = defaultdict(list)
    for cell in cells:
        batches[cell.crash].append(cell)
    outcomes: list[Outcome] = []
    places = {cell.id: place for place, cell in enumerate(cells)}
    for crash, batch in batches.items():
        report_progress(f"{crash or 'faults and cancels'}: {len(batch)} cells")
        run = _run_with_crash(crash, batch, env) if crash else _run_batch(batch, env, report_progress)
        outcomes += await run
    outcomes.sort(key=lambda outcome: places[outcome.cell.id])
    report_progress("checking the books")
    return await _with_books(outcomes, env)


async def _run_batch(cells: list[Cell], env: Environment, report_progress: ReportProgress) -> list[Outcome]:
    turns = asyncio.Semaphore(AT_ONCE)
    done: list[Outcome] = []

    async def one(cell: Cell) -> None:
        async with turns:
            done.append(await _run_one(Scenario(cell, env)))
        if len(done) % 50 == 0:
            report_progress(
                f"{len(done)} of {len(cells)} cells have run, {sum(not each.passed for each in done)} failed"
            )

    async with asyncio.TaskGroup() as tasks:
        for cell in cells:
            tasks.create_task(one(cell))
    return done


async def _run_with_crash(crash: str, cells: list[Cell], env: Environment) -> list[Outcome]:
    """Bring all orders to their places, crash, and let them continue."""
    scenarios = [Scenario(cell, env) for cell in cells]
    running = [asyncio.create_task(_run_one(scenario)) for scenario in scenarios]
    async with AsyncExitStack() as crashes:
        await _in_place(scenarios)
        late = {scenario.order_id for scenario in scenarios if not env.proxy.under_way(scenario.order_id)}
        await crashes.enter_async_context(crash_processes(env, crash))
        for scenario in scenarios:
            scenario.crashed.set()
        outcomes = await asyncio.gather(*running)
    problem = "its call was not running at the crash"
    return [
        replace(each, problems=(*each.problems, problem)) if each.cell.order_id in late else each for each in outcomes
    ]


async def _in_place(scenarios: list[Scenario]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(IN_PLACE):
            await asyncio.gather(*(scenario.in_place.wait() for scenario in scenarios))


async def _run_one(scenario: Scenario) -> Outcome:
    began = time.monotonic()
    end, problems = None, []
    try:
        async with asyncio.timeout(PATIENCE):
            result = await scenario.run()
            end = End(result.status, scenario.verdict, result.refusal)
            problems = [
                *check_end(scenario.cell, end),
                *check_answer(scenario.cell, result),
                *await check_close(scenario, end),
            ]
    except TimeoutError:
        problems = [f"it had not ended after {PATIENCE:g} s"]
    except Exception as error:  # no error may stop the other cells
        problems = [f"{type(error).__name__}: {error}"]
    problems += check_faults_fired(scenario)
    return Outcome(scenario.cell, tuple(problems), end, time.monotonic() - began, scenario.faults)


async def _with_books(outcomes: list[Outcome], env: Environment) -> list[Outcome]:
    """The outcomes, with the books checker's violations for each cell's order and SKU."""
    books = await check_books(env.orders)
    broken: dict[str, list[str]] = defaultdict(list)
    for violation in books.violations:
        broken[_order_of(violation)].append(f"the books: {violation.detail}")
    for sku in books.unsettled:
        broken[sku].append("the books: its stock kept changing")
    known = {outcome.cell.order_id for outcome in outcomes}
    foreign = [detail for name, details in broken.items() if name not in known for detail in details]
    if foreign:
        raise RuntimeError(f"The books are wrong about orders of no cell: {'; '.join(foreign)}")
    return [replace(each, problems=(*each.problems, *broken[each.cell.order_id])) for each in outcomes]


def _order_of(violation: Violation) -> str:
    return violation.order_id or violation.sku or ""
