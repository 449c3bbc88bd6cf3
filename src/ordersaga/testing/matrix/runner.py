"""Runs cells: many at a time, those of one disaster together; then the books are checked once for all."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

from ordersaga.testing.books import Violation, check_books
from ordersaga.testing.ground import Ground
from ordersaga.testing.matrix.cell import Cell, End, Outcome
from ordersaga.testing.matrix.disasters import strike
from ordersaga.testing.matrix.judge import unproven, wrong_answer, wrong_close, wrong_end
from ordersaga.testing.matrix.scene import Scene

AT_ONCE = 25
STOCK = 10
PATIENCE = 120.0
"""Seconds until a cell is given up."""
IN_PLACE = 60.0
"""Seconds until a disaster's orders have to be in place."""

Tell = Callable[[str], None]


async def run_cells(cells: list[Cell], ground: Ground, tell: Tell = lambda _news: None) -> list[Outcome]:
    """Run these cells, and judge each by its order's answer, by its faults, and by the books."""
    await ground.services.inventory.load_stock(dict.fromkeys((cell.order_id for cell in cells), STOCK))
    batches: dict[str | None, list[Cell]] = defaultdict(list)
    for cell in cells:
        batches[cell.disaster].append(cell)
    outcomes: list[Outcome] = []
    places = {cell.id: place for place, cell in enumerate(cells)}
    for disaster, batch in batches.items():
        tell(f"{disaster or 'faults and cancels'}: {len(batch)} cells")
        run = _run_struck(disaster, batch, ground) if disaster else _run_batch(batch, ground, tell)
        outcomes += await run
    outcomes.sort(key=lambda outcome: places[outcome.cell.id])
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
        await _in_place(scenes)
        late = {scene.order_id for scene in scenes if not ground.proxy.under_way(scene.order_id)}
        await disasters.enter_async_context(strike(ground, disaster))
        for scene in scenes:
            scene.struck.set()
        outcomes = await asyncio.gather(*running)
    problem = "its call was not under way when the disaster struck"
    return [
        replace(each, problems=(*each.problems, problem)) if each.cell.order_id in late else each for each in outcomes
    ]


async def _in_place(scenes: list[Scene]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(IN_PLACE):
            await asyncio.gather(*(scene.in_place.wait() for scene in scenes))


async def _run_one(scene: Scene) -> Outcome:
    began = time.monotonic()
    end, problems = None, []
    try:
        async with asyncio.timeout(PATIENCE):
            result = await scene.run()
            end = End(result.status, scene.verdict, result.refusal)
            problems = [*wrong_end(scene.cell, end), *wrong_answer(scene.cell, result), *await wrong_close(scene, end)]
    except TimeoutError:
        problems = [f"it had not ended after {PATIENCE:g} s"]
    except Exception as error:  # whatever it is, the other cells go on
        problems = [f"{type(error).__name__}: {error}"]
    problems += unproven(scene)
    return Outcome(scene.cell, tuple(problems), end, time.monotonic() - began, scene.faults)


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
