"""Lost orders: the register has accepted them, but no run exists or Temporal has lost it.

That happens when a program ends between the two calls, when Temporal's database is restored from an older copy, and
when the register's own is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from ordersaga.contracts.register import OrderEntry, OrderRecord
from ordersaga.domain.errors import InvalidOrder
from ordersaga.orders import executions
from ordersaga.orders.register.orders import SECONDS, ending_of, read_order
from ordersaga.orders.service_clients import RegisterClient
from ordersaga.orders.starting import Starter
from ordersaga.orders.workflows.ids import order_id_of, workflow_id

GRACE = timedelta(seconds=30)
"""The minimum age of a lost order. The program that placed a newer one may be about to start it."""
RUNNING_QUERY = 'WorkflowType IN ("OrderSagaWorkflow", "OrderRecoveryWorkflow") AND ExecutionStatus = "Running"'


class LostOrders:
    """The lost orders of one task queue."""

    def __init__(self, temporal: Client, task_queue: str, register: RegisterClient) -> None:
        self._temporal, self._task_queue, self._register = temporal, task_queue, register
        self._starter = Starter(temporal, task_queue)

    async def find(self, on_each: Callable[[], None] = lambda: None) -> AsyncIterator[OrderEntry]:
        """The orders that may be lost: not ended, old enough, and not running. Raises ServiceUnavailable, RPCError."""
        before = datetime.now(UTC) - GRACE
        listed = self._register.orders(not_ended=True, task_queue=self._task_queue, placed_before=before)
        # List these first: an order that begins and ends meanwhile is then checked once more, without any change to it.
        entries = [entry async for entry in listed]
        if not entries:
            return
        running = {order_id_of(each) async for each in self._temporal.list_workflows(RUNNING_QUERY)}
        for entry in entries:
            on_each()
            if entry.order_id not in running:
                yield entry

    async def recover(self, entry: OrderEntry) -> str | None:
        """Restart or close an order, and return what was done: `started`, `closed`, or None if it is not lost.

        Raises InvalidOrder if this version of the program cannot read the order, and the errors of Temporal and the
        register.
        """
        record = await self._register.order(entry.order_id)
        if record.ending is not None:
            return None
        own = await executions.described(self._temporal, workflow_id(entry.order_id))
        latest = await executions.find_recovery(self._temporal, entry.order_id) or own
        if latest is None:
            return await self._start(record, WorkflowIDReusePolicy.REJECT_DUPLICATE)
        if latest.close_time is None or latest.status in executions.CUT_OFF:
            return None  # it is running, or the watcher starts its recovery
        try:
            is_same = (
                await executions.order_of(self._temporal, workflow_id(entry.order_id))
            ).fingerprint == record.owner
        except (InvalidOrder, RPCError):
            is_same = False
        if not is_same:  # the run of another order with this id was rejected
            return await self._start(record, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
        return await self._close(record, latest)

    async def _start(self, record: OrderRecord, reuse: WorkflowIDReusePolicy) -> str | None:
        order = read_order(record)
        try:
            await self._starter.start(order, reuse)
        except WorkflowAlreadyStartedError:
            return None
        return "started"

    async def _close(self, record: OrderRecord, ended: WorkflowExecutionDescription) -> str | None:
        """Write how the order has ended, which the register does not know."""
        result = await executions.result_of_run(self._temporal, record.order_id, ended)
        if not result.status.is_end:
            return None
        await self._register.close(record.order_id, ending_of(record.owner, result, ended.run_id), SECONDS)
        return "closed"
