"""Runs cells: many at a time, those of one disaster together; then the books are checked once for all."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace

from temporalio.client import WorkflowExecutionStatus

from ordersaga.domain.result import OrderResult, OrderStatus
from ordersaga.testing.books import Violation, check_books
from ordersaga.testing.faults import Fault, Fired, Kind
from ordersaga.testing.matrix.cell import Cell, End, Outcome
from ordersaga.testing.matrix.disasters import strike
from ordersaga.testing.matrix.ground import Ground
from ordersaga.testing.matrix.scene import Scene

AT_ONCE = 25
PATIENCE = 120.0
"""Seconds until a cell is given up."""
IN_PLACE = 60.0
"""Seconds until a disaster's orders have to be in place."""

Tell = Callable[[str], None]


async def run_cells(cells: list[Cell], ground: Ground, tell: Tell = lambda _news: None) -> list[Outcome]:
    """Run these cells, and judge each by its order's answer, by its faults, and by the books."""
    await ground.load(cell.order_id for cell in cells)
    batches: dict[str | None, list[Cell]] = defaultdict(list)
    for cell in cells:
        batches[cell.disaster].append(cell)
    outcomes = []
    for disaster, batch in batches.items():
        tell(f"{disaster or 'faults and cancels'}: {len(batch)} cells")
        run = _run_struck(disaster, batch, ground) if disaster else _run_batch(batch, ground, tell)
        outcomes += await run
    tell("checking the books")
    return await _with_books(outcomes, ground)


async def _run_batch(cells: list[Cell], ground: Ground, tell: Tell) -> list[Outcome]:
    turns = asyncio.Semaphore(AT_ONCE)
    done: list[Outcome] = []

    async def one(cell: Cell) -> None:
        async with turns:
            done.append(await _run_one(Scene(cell, ground)))
        if len(done) % 50 == 0:
            tell(f"{len(done)} of {len(cells)} cells have run, {sum(not each.passed for each in done)} failed")

    async with asyncio.TaskGroup() as tasks:
        for cell in cells:
            tasks.create_task(one(cell))
    return done


async def _run_struck(disaster: str, cells: list[Cell], ground: Ground) -> list[Outcome]:
    """All orders are brought to their places, then the disaster strikes, and then they go on."""
    scenes = [Scene(cell, ground) for cell in cells]
    running = [asyncio.create_task(_run_one(scene)) for scene in scenes]
    async with AsyncExitStack() as disasters:
        await asyncio.wait([asyncio.create_task(scene.in_place.wait()) for scene in scenes], timeout=IN_PLACE)
        late = {scene.order_id for scene in scenes if not ground.proxy.under_way(scene.order_id)}
        await disasters.enter_async_context(strike(ground, disaster))
        for scene in scenes:
            scene.struck.set()
        outcomes = await asyncio.gather(*running)
    problem = "its call was not under way when the disaster struck"
    return [
        replace(each, problems=(*each.problems, problem)) if each.cell.order_id in late else each for each in outcomes
    ]


async def _run_one(scene: Scene) -> Outcome:
    began = time.monotonic()
    end, problems = None, []
    try:
        async with asyncio.timeout(PATIENCE):
            result = await scene.run()
            end = End(result.status, scene.verdict, result.refusal)
            problems = [*_wrong_end(scene.cell, end), *_wrong_answer(result), *await _wrong_close(scene, end)]
    except TimeoutError:
        problems = [f"it had not ended after {PATIENCE:g} s"]
    except Exception as error:  # whatever it is, the other cells go on
        problems = [f"{type(error).__name__}: {error}"]
    problems += _unproven(scene)
    return Outcome(scene.cell, tuple(problems), end, time.monotonic() - began, scene.faults)


# -- judging


def _wrong_end(cell: Cell, end: End) -> list[str]:
    for allowed in cell.expected.ends:
        refusal = allowed.refusal or (None if end.status is OrderStatus.FAILED else end.refusal)
        if end == replace(allowed, refusal=refusal):
            return []
    return [f"it ended {end}, and should have ended {' or '.join(map(str, cell.expected.ends))}"]


def _wrong_answer(result: OrderResult) -> list[str]:
    """Ids of live effects are in the answer of a completed order, and in no other's."""
    ids = [result.reservation_id, result.payment_id, result.shipment_id]
    there = [each for each in ids if each]
    if result.status is OrderStatus.COMPLETED:
        return [] if len(there) == len(ids) and result.tracking_number else [f"its answer lacks ids: {ids}"]
    return [f"it is {result.status}, and its answer names {', '.join(there)} as live"] if there else []


async def _wrong_close(scene: Scene, end: End) -> list[str]:
    if not scene.cell.expected.closed_as_cancelled or end.status is not OrderStatus.CANCELLED:
        return []
    status = (await scene.handle.describe()).status
    return [] if status is WorkflowExecutionStatus.CANCELED else [f"Temporal shows its run as {status}, not Canceled"]


def _unproven(scene: Scene) -> list[str]:
    """Faults that did not happen as they should."""
    log = scene.ground.proxy.fired(order_id=scene.order_id)
    found = [_unproven_fault(fault, log, scene.cell) for fault in scene.faults]
    return [problem for problem in found if problem]


def _unproven_fault(fault: Fault, log: Iterable[Fired], cell: Cell) -> str | None:
    what = f"{fault.kind} at {fault.call}"
    mine = [
        each
        for each in log
        if (each.kind, each.call) == (fault.kind, fault.call) and (not fault.attempts or each.attempt in fault.attempts)
    ]
    if not mine:
        return f"{what} did not happen"
    if fault.attempts is None and fault.call in cell.expected.repeated and len(mine) < 2:
        return f"{what} happened once only"
    acted = [each for each in mine if each.status is not None]
    if fault.kind is Kind.HOLD_BACK and not acted:
        return f"{what} never reached the service"
    if fault.kind.has_effect and not any(each.status and each.status < 300 for each in mine):
        return f"{what} had no effect: the service answered {[each.status for each in mine]}"
    if fault.kind.has_effect is False and acted:
        return f"{what} reached the service"
    return None


async def _with_books(outcomes: list[Outcome], ground: Ground) -> list[Outcome]:
    """The outcomes, with what the books checker says of each cell's order and article."""
    books = await check_books(ground.orders)
    broken: dict[str, list[str]] = defaultdict(list)
    for violation in books.violations:
        broken[_order_of(violation)].append(f"the books: {violation.detail}")
    for sku in books.unsettled:
        broken[sku].append("the books: its stock does not come to rest")
    known = {outcome.cell.order_id for outcome in outcomes}
    strangers = [detail for name, details in broken.items() if name not in known for detail in details]
    if strangers:
        raise RuntimeError(f"The books are wrong about what is no cell's: {'; '.join(strangers)}")
    return [replace(each, problems=(*each.problems, *broken[each.cell.order_id])) for each in outcomes]


def _order_of(violation: Violation) -> str:
    return violation.order_id or violation.sku or ""
