"""The reconciler: a schedule that finds orders whose runs were cut off, and has each of them settled."""

from __future__ import annotations

from datetime import timedelta

import structlog
from temporalio import activity
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    WorkflowExecution,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from ordersaga.domain.errors import InvalidOrder
from ordersaga.domain.worklist import Attention, Settlement
from ordersaga.endings import order_of
from ordersaga.endings.listing import was_followed
from ordersaga.settlements import CUT_OFF_QUERY, SETTLED_QUERY, start_settlement
from ordersaga.workflows.ids import order_id_of
from ordersaga.workflows.reconcile import ReconcilerWorkflow

log = structlog.get_logger(__name__)

SCHEDULE_ID = "ordersaga-reconciler"


class Reconciler:
    """Finds what was cut off. Holds the worker's client and task queue."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self._temporal = temporal
        self._task_queue = task_queue

    @activity.defn
    async def settle_cut_off_orders(self) -> list[str]:
        """Start the settlement of each order whose run was terminated, timed out or failed; tell which.

        An order that has a settlement already is left alone, unless that was cut off too.
        """
        settled = {order_id_of(execution) async for execution in self._temporal.list_workflows(SETTLED_QUERY)}
        return [
            execution.id
            async for execution in self._temporal.list_workflows(CUT_OFF_QUERY)
            if order_id_of(execution) not in settled and await self._settle(execution)
        ]

    async def _settle(self, execution: WorkflowExecution) -> bool:
        activity.heartbeat()
        if await was_followed(self._temporal, execution):
            return False
        try:
            order = await order_of(self._temporal, execution.id, execution.run_id)
        except InvalidOrder:
            return False  # it failed because it was no order: nothing was done
        cut_off = execution.status.name.lower().replace("_", " ") if execution.status else "cut off"
        because = f"its run was cut off ({cut_off})"
        settlement = Settlement(order=order, cause=Attention.CUT_OFF, because=because)
        try:
            await start_settlement(
                self._temporal, self._task_queue, settlement, WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
            )
        except WorkflowAlreadyStartedError:
            return False
        return True


async def ensure_schedule(client: Client, task_queue: str, every: timedelta) -> bool:
    """Create the reconciler's schedule where it is missing; else leave it as it is. Returns whether it is there."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            ReconcilerWorkflow.run, id="ordersaga-reconciler", task_queue=task_queue, static_summary="the reconciler"
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(SCHEDULE_ID, schedule)
        log.info("reconciler scheduled", every=f"{every.total_seconds():g} s")
    except ScheduleAlreadyRunningError:
        return True
    except RPCError as error:
        log.warning(
            "the reconciler could not be scheduled; orders that are cut off stay as they are", problem=str(error)
        )
        return False
    return True
