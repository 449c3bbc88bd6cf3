"""The watcher of a task queue: a schedule whose rounds find orders that have stopped, and restart them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import structlog
from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution as ExecutionId
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
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

from ordersaga.domain.errors import InvalidOrder, ServiceFault, ServiceUnavailable
from ordersaga.domain.worklist import Attention, Recovery, WatcherRound
from ordersaga.orders.executions import memo_of, order_of, was_followed
from ordersaga.orders.recovery.failed_emails import FailedEmails
from ordersaga.orders.recovery.failed_refunds import FailedRefunds
from ordersaga.orders.recovery.lost_orders import LostOrders
from ordersaga.orders.recovery.overdue import OverdueOrders
from ordersaga.orders.recovery.recoveries import CUT_OFF_QUERY, RECOVERIES_QUERY, start_recovery, wedged_orders
from ordersaga.orders.recovery.unrecovered import Unrecovered
from ordersaga.orders.service_clients import Services
from ordersaga.orders.workflows.handlers import PLACED_BY_CLIENT
from ordersaga.orders.workflows.ids import order_id_of
from ordersaga.orders.workflows.watch import WatcherWorkflow

log = structlog.get_logger(__name__)

SCHEDULE_PREFIX = "ordersaga-watcher-"
KEPT_ROUNDS = 3
"""How many ended rounds stay in Temporal's list of workflows."""
_MAX_PROBLEMS = 20
"""How many problems the result of a round lists."""
_ROUNDS_QUERY = f'WorkflowType = "{WatcherWorkflow.__name__}" AND ExecutionStatus != "Running"'


def schedule_id(task_queue: str) -> str:
    """The id of a task queue's schedule, which is also the prefix of the ids of its rounds."""
    return f"{SCHEDULE_PREFIX}{task_queue}"


class Watcher:
    """Looks after the orders of one task queue, with the worker's Temporal client and the service clients."""

    def __init__(self, temporal: Client, task_queue: str, services: Services) -> None:
        self._temporal = temporal
        self._task_queue = task_queue
        self._register = services.register
        self._lost = LostOrders(temporal, task_queue, services.register)
        self._overdue = OverdueOrders(temporal, task_queue, services.register)
        self._emails = FailedEmails(services.notification, services.register, task_queue)
        self._refunds = FailedRefunds(services.payment, services.register, task_queue)

    @activity.defn
    async def watch_orders(self) -> WatcherRound:
        """Restart each order of this queue that was cut off or that has no run, and return what was found.

        An order that already has a recovery is left alone, unless the recovery was cut off too. A failure for one order
        or in one query is returned as a problem and does not end the round. The order goes on the worklist.
        """
        problems: list[str] = []
        unrecovered = Unrecovered(self._register)
        recovered = await self._recover(problems, unrecovered)
        started = await self._start_lost(problems, unrecovered)
        problems += await unrecovered.write()
        wedged = await self._wedged(problems)
        overdue = await self._put_overdue(problems)
        unsent = await self._put_failed(self._emails, "emails", problems)
        unrefunded = await self._put_failed(self._refunds, "refunds", problems)
        await self._forget_rounds()
        for problem in problems:
            log.warning("the watcher could not check all orders", problem=problem)
        return WatcherRound(
            at=datetime.now(UTC),
            recovered=recovered,
            started=started,
            wedged=wedged,
            overdue=overdue,
            unsent=unsent,
            unrefunded=unrefunded,
            problems=problems[:_MAX_PROBLEMS],
        )

    async def _recover(self, problems: list[str], unrecovered: Unrecovered) -> list[str]:
        try:
            recovering = {order_id_of(execution) async for execution in self._temporal.list_workflows(RECOVERIES_QUERY)}
            return [
                execution.id
                async for execution in self._ours(self._temporal.list_workflows(CUT_OFF_QUERY))
                if order_id_of(execution) not in recovering
                and await self._is_recovered(execution, problems, unrecovered)
            ]
        except RPCError as error:
            problems.append(f"cut-off orders cannot be listed: {error}")
            return []

    async def _is_recovered(self, execution: WorkflowExecution, problems: list[str], unrecovered: Unrecovered) -> bool:
        try:
            return await self._start_recovery(execution)
        except Exception as error:  # no error may keep other orders waiting
            problems.append(f"{execution.id} cannot be recovered: {error}")
            unrecovered.add(order_id_of(execution), execution.close_time)
            return False

    async def _start_recovery(self, execution: WorkflowExecution) -> bool:
        if await was_followed(self._temporal, execution):
            return False
        try:
            order = await order_of(self._temporal, execution.id, execution.run_id)
        except InvalidOrder:
            if PLACED_BY_CLIENT in await memo_of(execution):
                raise  # another version can read it, and may have had effects
            return False  # it failed because its input was not an order, so nothing was done
        cut_off = execution.status.name.lower().replace("_", " ") if execution.status else "cut off"
        because = f"its run was cut off ({cut_off})"
        recovery = Recovery(order=order, cause=Attention.CUT_OFF, because=because)
        try:
            await start_recovery(
                self._temporal, self._task_queue, recovery, WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _start_lost(self, problems: list[str], unrecovered: Unrecovered) -> list[str]:
        """Restart lost orders, and return those that were started.

        Write ends that only Temporal knows into the register.
        """
        started: list[str] = []
        try:
            async for entry in self._lost.find(activity.heartbeat):
                try:
                    if await self._lost.recover(entry) == "started":
                        started.append(entry.order_id)
                except Exception as error:  # no error may keep other orders waiting
                    problems.append(f"order {entry.order_id} is lost and cannot be recovered: {error}")
                    unrecovered.add(entry.order_id, entry.accepted_at)
        except (RPCError, ServiceUnavailable) as error:
            problems.append(f"lost orders cannot be listed: {error}")
        return started

    async def _wedged(self, problems: list[str]) -> list[str]:
        try:
            return [each.id async for each in self._ours(wedged_orders(self._temporal))]
        except RPCError as error:
            problems.append(f"wedged orders cannot be listed: {error}")
            return []

    async def _put_overdue(self, problems: list[str]) -> list[str]:
        try:
            return await self._overdue.put_on_worklist(datetime.now(UTC), activity.heartbeat)
        except (RPCError, ServiceUnavailable, ServiceFault) as error:
            problems.append(f"overdue orders cannot be put on the worklist: {error}")
            return []

    async def _put_failed(
        self, failed: FailedEmails | FailedRefunds, description: str, problems: list[str]
    ) -> list[str]:
        try:
            return await failed.put_on_worklist(activity.heartbeat)
        except (ServiceUnavailable, ServiceFault) as error:
            problems.append(f"orders whose {description} failed cannot be put on the worklist: {error}")
            return []

    async def _forget_rounds(self) -> None:
        """Delete all rounds but the last few, so that they do not fill Temporal's list of workflows."""
        own, seen = f"{schedule_id(self._task_queue)}-", 0
        try:
            async for execution in self._ours(self._temporal.list_workflows(_ROUNDS_QUERY)):
                if not execution.id.startswith(own):
                    continue
                seen += 1
                if seen > KEPT_ROUNDS:
                    run = ExecutionId(workflow_id=execution.id, run_id=execution.run_id)
                    request = DeleteWorkflowExecutionRequest(namespace=self._temporal.namespace, workflow_execution=run)
                    await self._temporal.workflow_service.delete_workflow_execution(request)
        except RPCError as error:
            log.info("rounds of the watcher could not be deleted", problem=str(error))

    async def _ours(self, executions: AsyncIterator[WorkflowExecution]) -> AsyncIterator[WorkflowExecution]:
        """The executions that belong to this task queue."""
        async for execution in executions:
            activity.heartbeat()
            if execution.task_queue == self._task_queue:
                yield execution


async def ensure_schedule(client: Client, task_queue: str, every: timedelta) -> bool:
    """Create the watcher's schedule if it is missing, otherwise leave it as it is. Returns whether it exists."""
    name = schedule_id(task_queue)
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            WatcherWorkflow.run, id=name, task_queue=task_queue, static_summary="the watcher"
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(name, schedule)
        log.info("watcher scheduled", every=f"{every.total_seconds():g} s", task_queue=task_queue)
    except ScheduleAlreadyRunningError:
        return True
    except RPCError as error:
        log.warning("the watcher could not be scheduled; cut-off orders will not be recovered", problem=str(error))
        return False
    return True
