"""After a database restore: the register learns from Temporal, and the services are aligned with the register.

A database that was restored from an older copy has lost what came later. The watcher restarts orders that Temporal has
lost. The rest is done on request, because only people know that there was a restore.
"""

from __future__ import annotations

from temporalio.common import WorkflowIDReusePolicy

from ordersaga.domain.worklist import Attention, Recovery
from ordersaga.orders import executions
from ordersaga.orders.client import OrderClient
from ordersaga.orders.recovery.recoveries import start_recovery
from ordersaga.orders.register.orders import SECONDS, ending_of, read_order
from ordersaga.orders.workflows.ids import workflow_id


class Restoring:
    """Repairs orders after a restore. Each call may be repeated."""

    def __init__(self, client: OrderClient) -> None:
        self._client = client

    async def register(self, order_id: str) -> str:
        """Have the register accept an order that Temporal knows, and learn how it ended. Returns what was done.

        Raises InvalidOrder if its run was not started with an order, OrderConflict if the register has another one.
        """
        temporal = self._client.temporal
        described = await temporal.get_workflow_handle(workflow_id(order_id)).describe()
        order = await executions.order_of(temporal, described.id, described.run_id)
        await self._client.register.accept(order, described.task_queue)
        if described.close_time is None or described.status in executions.CUT_OFF:
            return "accepted"
        result = await executions.result_of_run(temporal, order_id, described)
        async with self._client.register.client() as register:
            await register.close(order_id, ending_of(order.fingerprint, result, described.run_id), SECONDS)
        return f"accepted as {result.status}"

    async def effects(self, order_id: str) -> str:
        """Start a run that aligns the services with the register's record of an ended order.

        Returns how the order ended.

        The run repeats what a completed order has lost, and undoes what a failed or cancelled one still has. Raises
        InvalidOrder if this version of the program cannot read the order.
        """
        record = await self._client.register.find(order_id)
        if record is None or record.ending is None:
            return "left alone: it has not ended"
        recovery = Recovery(
            order=read_order(record),
            cause=Attention.RESTORED,
            because="a service was restored from an older copy",
            ended=record.ending.status,
        )
        reuse, queue = WorkflowIDReusePolicy.ALLOW_DUPLICATE, self._client.settings.task_queue
        handle = await start_recovery(self._client.temporal, queue, recovery, reuse)
        return f"repaired: {(await handle.result()).status}"
