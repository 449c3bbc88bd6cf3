"""Cells with two deployments in one namespace: each recovers its own cut-off orders, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from uuid import uuid4

from ordersaga.domain.worklist import WatcherRound
from ordersaga.orders import executions
from ordersaga.orders.recovery.recoveries import CUT_OFF_QUERY
from ordersaga.orders.worker import order_worker
from ordersaga.orders.workflows.watch import WatcherWorkflow
from ordersaga.settings import SERVICES
from ordersaga.stack.faults import Fault
from ordersaga.stack.faults.calls import UNDO_OF
from resilience.matrix.cancel_cells import MOMENTS
from resilience.matrix.cell import FAILED, Cell, Expected
from resilience.matrix.crash_cells import DURABLE, PATIENT
from resilience.matrix.scenario import Scenario
from resilience.matrix.waiting import LOOK_AGAIN


def deployment_cells() -> Iterator[Cell]:
    """Orders of another task queue whose run is terminated before and after each call."""
    for moment in MOMENTS:
        for call in UNDO_OF:
            yield Cell(
                id=f"deployments/{call}/{moment}",
                boundary=call,
                kind=f"another deployment's, {moment}",
                expected=Expected((FAILED,)),
                policy=PATIENT | {"fast_path": DURABLE},
                faults=(Fault(MOMENTS[moment], call, attempts=None),),
                act=partial(recovered_by_its_own, call=call),
                elsewhere=True,
            )


async def recovered_by_its_own(scenario: Scenario, call: str) -> None:
    """Terminate the run.

    The watcher of our queue must leave the order alone, and the watcher of its own queue must recover it.
    """
    temporal, ours = scenario.env.orders.temporal, scenario.env.orders.settings
    urls = {f"{name}_url": f"{scenario.env.proxy.url}/{name}" for name in SERVICES}
    theirs = ours.model_copy(update={"task_queue": scenario.task_queue, **urls})
    async with order_worker(temporal, theirs):
        await scenario.held(call)
        await scenario.handle.terminate("by the matrix")
        scenario.lift()

        await _listed(scenario)
        await _round(scenario, ours.task_queue)
        if await executions.find_recovery(temporal, scenario.order_id) is not None:
            raise AssertionError("the watcher of another deployment has recovered it")
        found = await _round(scenario, theirs.task_queue)
        if scenario.handle.id not in found.recovered:
            raise AssertionError("the watcher of its own deployment has not recovered it")
        await scenario.ended()


async def _listed(scenario: Scenario) -> None:
    """Wait until Temporal lists the run as cut off, so that a round finds it."""
    while True:
        listed = scenario.env.orders.temporal.list_workflows(CUT_OFF_QUERY)
        if scenario.handle.id in [each.id async for each in listed]:
            return
        await asyncio.sleep(LOOK_AGAIN)


async def _round(scenario: Scenario, task_queue: str) -> WatcherRound:
    name = f"round-{task_queue}-{uuid4()}"
    return await scenario.env.orders.temporal.execute_workflow(WatcherWorkflow.run, id=name, task_queue=task_queue)
