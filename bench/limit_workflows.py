"""The workflows for measuring Temporal's own limit."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.domain.order import OrderInput

NOOP = "noop"


@workflow.defn
class EmptyWorkflow:
    """Starts and ends."""

    @workflow.run
    async def run(self, order: OrderInput) -> str:
        """Return the order's id."""
        return order.order_id


@workflow.defn
class NoopsWorkflow:
    """Runs four activities that do nothing, one after the other."""

    @workflow.run
    async def run(self, order: OrderInput) -> str:
        """Run the activities, and return the order's id."""
        for _ in range(4):
            await workflow.execute_activity(NOOP, order.order_id, start_to_close_timeout=timedelta(seconds=10))
        return order.order_id
