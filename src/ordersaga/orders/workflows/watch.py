"""One round of the watcher."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from ordersaga.domain.worklist import WatcherRound


@workflow.defn
class WatcherWorkflow:
    """Checks once for orders that have stopped. Started by a schedule (ordersaga.orders.recovery.watcher)."""

    @workflow.run
    async def run(self) -> WatcherRound:
        """Run the check, and return what was found and done."""
        found: WatcherRound = await workflow.execute_activity(
            "watch_orders",
            result_type=WatcherRound,
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary="look for orders that have come to a halt",
        )
        return found

    @workflow.query
    def is_answered(self) -> bool:
        """Whether a worker answers; only a worker can answer this query."""
        return True
