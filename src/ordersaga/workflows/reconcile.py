"""One round of the reconciler."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy


@workflow.defn
class ReconcilerWorkflow:
    """Has every order settled whose run was cut off. Started by a schedule (ordersaga.reconciler)."""

    @workflow.run
    async def run(self) -> list[str]:
        """Start the settlements, and tell for which runs."""
        settled: list[str] = await workflow.execute_activity(
            "settle_cut_off_orders",
            result_type=list[str],
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary="settle what was cut off",
        )
        return settled
