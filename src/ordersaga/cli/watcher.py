"""The checks of `ordersaga doctor` on watchers: whether each runs on schedule, and what its last round found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from temporalio.client import ScheduleActionExecutionStartWorkflow, WorkflowFailureError, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.cli.finding import Finding, ok, problem
from ordersaga.domain.worklist import WatcherRound
from ordersaga.orders.connection import pollers
from ordersaga.orders.recovery.watcher import SCHEDULE_PREFIX, schedule_id
from ordersaga.orders.workflows.watch import WatcherWorkflow

if TYPE_CHECKING:
    from temporalio.client import Client, ScheduleDescription

ANSWER_SECONDS = 5.0
_MISSED = 3
"""How many rounds may be missed before that is a problem."""
_NAME = "watcher"


async def watcher_findings(client: Client, task_queue: str) -> AsyncIterator[Finding]:
    """Check the watcher of this task queue, and find watchers of task queues without workers. Raises RPCError."""
    try:
        found = await client.get_schedule_handle(schedule_id(task_queue)).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        yield problem(
            _NAME,
            f"none on task queue {task_queue}: orders that are cut off are not recovered",
            "Start a worker, which creates it.",
        )
    else:
        yield await _of(client, found)
    async for schedule in await client.list_schedules():
        other = schedule.id.removeprefix(SCHEDULE_PREFIX)
        if schedule.id == schedule_id(other) and other != task_queue and not await pollers(client, other):
            yield problem(
                _NAME,
                f"no worker on task queue {other}, which has a watcher: its orders make no progress",
                f"Start a worker with ORDERSAGA_TASK_QUEUE={other} until they have ended; then delete the schedule "
                f"{schedule.id}.",
            )


async def _of(client: Client, found: ScheduleDescription) -> Finding:
    if found.schedule.state.paused:
        return problem(_NAME, f"paused ({found.schedule.state.note or 'no reason given'})", f"Unpause {found.id}.")
    every = min((each.every for each in found.schedule.spec.intervals), default=timedelta(minutes=1))
    late = datetime.now(UTC) - _MISSED * every - timedelta(seconds=ANSWER_SECONDS)
    last = await _last_round(client, found)
    if last is None:
        if found.info.created_at > late:
            return ok(_NAME, "has not run yet")
        return problem(_NAME, "has never run", "Check that a worker is running, and its log.")
    if last.at < late:
        return problem(_NAME, f"last ran at {last.at:%Y-%m-%d %H:%M:%S} UTC", "Check the worker's log.")
    if last.problems or last.wedged:
        wedged = [f"{run} is wedged" for run in last.wedged]
        return problem(_NAME, "; ".join([*last.problems, *wedged]), "Check the worker's log and `ordersaga worklist`.")
    return ok(_NAME, f"last ran at {last.at:%H:%M:%S} UTC")


async def _last_round(client: Client, found: ScheduleDescription) -> WatcherRound | None:
    """The latest round that ended. A round in progress may be stuck, so it is skipped."""
    for handle in _rounds(client, found):
        try:
            async with asyncio.timeout(1.0):
                return await handle.result()
        except (TimeoutError, WorkflowFailureError, RPCError):
            continue  # in progress, failed, or deleted
    return None


def _rounds(client: Client, found: ScheduleDescription) -> Iterator[WorkflowHandle[WatcherWorkflow, WatcherRound]]:
    for done in reversed(found.info.recent_actions):
        action = done.action
        assert isinstance(action, ScheduleActionExecutionStartWorkflow)
        yield client.get_workflow_handle_for(
            WatcherWorkflow.run, action.workflow_id, run_id=action.first_execution_run_id
        )


async def worker_answers(client: Client, task_queue: str) -> bool:
    """Whether a worker of this task queue answers a query; True if there is no run to query.

    Temporal lists a frozen worker as a poller for as long as its last poll is open, so that listing is not enough.
    """
    try:
        found = await client.get_schedule_handle(schedule_id(task_queue)).describe()
    except RPCError:
        return True
    for handle in _rounds(client, found):
        try:
            return await handle.query(WatcherWorkflow.is_answered, rpc_timeout=timedelta(seconds=ANSWER_SECONDS))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                return False
    return True
