"""Orders whose run takes longer than their policy allows. No failure was reported, so a person has to look."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowExecution

from ordersaga.contracts.register import Attention as AttentionRecord
from ordersaga.contracts.register import OrderRecord
from ordersaga.domain.errors import NotFound
from ordersaga.domain.order import OrderPolicy
from ordersaga.domain.worklist import Attention
from ordersaga.orders.recovery.lost_orders import RUNNING_QUERY
from ordersaga.orders.recovery.unrecovered import report
from ordersaga.orders.register.orders import order_of_record
from ordersaga.orders.service_clients import RegisterClient
from ordersaga.orders.workflows.ids import order_id_of
from ordersaga.orders.workflows.story import ORDER_SAGA

SLACK = timedelta(minutes=10)
"""Extra time for a run: for crashes, deploys, and queues in front of a worker."""


def longest(policy: OrderPolicy) -> timedelta:
    """The longest time for a run: the hold, each step until its deadline, and each undo until it is parked."""
    undone = sum(step.undo is not None for step in ORDER_SAGA.steps)
    dos = len(ORDER_SAGA.steps) * (policy.step_deadline + policy.http_timeout)
    undos = undone * (policy.undo_patience + policy.http_timeout)
    return timedelta(seconds=policy.hold_before_shipping + dos + undos)


class OverdueOrders:
    """The overdue orders of one task queue.

    An order stays on the worklist until its run ends or reports something else. Nobody can decide on it there.
    """

    def __init__(self, temporal: Client, task_queue: str, register: RegisterClient) -> None:
        self._temporal, self._task_queue, self._register = temporal, task_queue, register
        self._due: dict[str, datetime] = {}
        """The due time of each run that was checked. Without it, a long hold would cost a call to the register in every
        round."""

    async def put_on_worklist(self, now: datetime, on_each: Callable[[], None]) -> list[str]:
        """Put the orders that are overdue now on the worklist, and return the ids of those that were not there.

        Raises RPCError, ServiceUnavailable, ServiceFault.
        """
        runs = [run async for run in self._old_runs(now) if now >= self._due.get(run.run_id, now)]
        if not runs:
            return []
        waiting = {entry.order_id async for entry in self._register.worklist()}
        found = []
        for run in runs:
            on_each()
            if (order_id := order_id_of(run)) not in waiting and await self._is_put(order_id, run, now):
                found.append(order_id)
        return found

    async def _old_runs(self, now: datetime) -> AsyncIterator[WorkflowExecution]:
        seen: dict[str, datetime] = {}
        query = f'{RUNNING_QUERY} AND StartTime < "{(now - SLACK).isoformat()}"'
        async for run in self._temporal.list_workflows(query):
            if run.task_queue == self._task_queue:
                if run.run_id in self._due:
                    seen[run.run_id] = self._due[run.run_id]
                yield run
        self._due = seen

    async def _is_put(self, order_id: str, run: WorkflowExecution, now: datetime) -> bool:
        try:
            order = await self._register.order(order_id)
        except NotFound:
            return False
        due = self._due_time(order, run)
        if now < due:
            self._due[run.run_id] = due
            return False
        if order.ending is not None:
            return False
        attention = AttentionRecord(kind=Attention.OVERDUE, amount_at_risk=order.amount, since=due)
        await report(self._register, order, order.status, attention)
        return True

    def _due_time(self, order: OrderRecord, run: WorkflowExecution) -> datetime:
        """The due time, counted from the last report: after a person's decision, a step takes its own time again."""
        known = order_of_record(order)
        policy = (known.policy if known else None) or OrderPolicy()
        latest = max([run.start_time, *(event.at for event in order.events)])
        return latest + longest(policy) + SLACK
