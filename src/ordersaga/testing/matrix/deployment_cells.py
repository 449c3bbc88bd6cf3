"""Cells of two deployments in one namespace: each settles its own orders that were cut off, and no other's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from uuid import uuid4

from ordersaga import endings
from ordersaga.domain.worklist import WatcherRound
from ordersaga.settings import SERVICES
from ordersaga.settlements import CUT_OFF_QUERY
from ordersaga.testing.faults import Fault
from ordersaga.testing.faults.calls import UNDO_OF
from ordersaga.testing.matrix.cancel_cells import MOMENTS
from ordersaga.testing.matrix.cell import FAILED, Cell, Expected
from ordersaga.testing.matrix.crash_cells import DURABLE, PATIENT
from ordersaga.testing.matrix.scene import Scene
from ordersaga.testing.matrix.waiting import LOOK_AGAIN
from ordersaga.worker import order_worker
from ordersaga.workflows.watch import WatcherWorkflow


def deployment_cells() -> Iterator[Cell]:
    """Orders of another task queue, whose run is terminated before and behind each call."""
    for moment in MOMENTS:
        for call in UNDO_OF:
            yield Cell(
                id=f"deployments/{call}/{moment}",
                boundary=call,
                kind=f"another deployment's, {moment}",
                expected=Expected((FAILED,)),
                policy=PATIENT | {"fast_path": DURABLE},
                faults=(Fault(MOMENTS[moment], call, attempts=None),),
                play=partial(settled_by_its_own, call=call),
                elsewhere=True,
            )


async def settled_by_its_own(scene: Scene, call: str) -> None:
    """The run is terminated; the watcher of our queue leaves it alone, and that of its own settles it."""
    temporal, ours = scene.ground.orders.temporal, scene.ground.orders.settings
    urls = {f"{name}_url": f"{scene.ground.proxy.url}/{name}" for name in SERVICES}
    theirs = ours.model_copy(update={"task_queue": scene.task_queue, **urls})
    async with order_worker(temporal, theirs):
        await scene.held(call)
        await scene.handle.terminate("by the matrix")
        scene.lift()

        await _listed(scene)
        await _round(scene, ours.task_queue)
        if await endings.find_settlement(temporal, scene.order_id) is not None:
            raise AssertionError("the watcher of another deployment has settled it")
        found = await _round(scene, theirs.task_queue)
        if scene.handle.id not in found.recovered:
            raise AssertionError("the watcher of its own deployment has not settled it")
        await scene.ended()


async def _listed(scene: Scene) -> None:
    """Wait until Temporal lists the run as cut off, so that a round finds it."""
    while True:
        listed = scene.ground.orders.temporal.list_workflows(CUT_OFF_QUERY)
        if scene.handle.id in [each.id async for each in listed]:
            return
        await asyncio.sleep(LOOK_AGAIN)


async def _round(scene: Scene, task_queue: str) -> WatcherRound:
    name = f"round-{task_queue}-{uuid4()}"
    return await scene.ground.orders.temporal.execute_workflow(WatcherWorkflow.run, id=name, task_queue=task_queue)
