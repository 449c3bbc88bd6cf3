"""After a restore: the register learns from Temporal, and the services are brought to what the register says.

A database that was restored from an older copy has forgotten what came later. What Temporal has forgotten the watcher
starts again by itself. The rest is done on request, because only people know that there was a restore.
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
    """Brings orders back that a restore has torn apart. Each call may be repeated."""

    def __init__(self, client: OrderClient) -> None:
        self._client = client

    async def register(self, order_id: str) -> str:
        """Have the register take on an order that Temporal knows, and learn how it has ended; say what was done.

        Raises InvalidOrder if its run was started with no order, OrderConflict if the register has another one.
        """
        temporal = self._client.temporal
        described = await temporal.get_workflow_handle(workflow_id(order_id)).describe()
        order = await executions.order_of(temporal, described.id, described.run_id)
        await self._client.register.accept(order, described.task_queue)
        if described.close_time is None or described.status in executions.CUT_OFF:
            return "taken on"
        result = await executions.result_of_run(temporal, order_id, described)
        async with self._client.register.client() as register:
            await register.close(order_id, ending_of(order.fingerprint, result, described.run_id), SECONDS)
        return f"taken on as {result.status}"

    async def effects(self, order_id: str) -> str:
        """Have a run bring the services to what the register says of an order that has ended; say how that ended.

        What a completed order lost is made again, what a failed or cancelled one still has is undone. Raises
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
        return f"brought back: {(await handle.result()).status}"
