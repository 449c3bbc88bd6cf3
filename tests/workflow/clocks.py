"""A workflow that reads the machine's clock, which workflow code must not do."""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio import workflow


@workflow.defn
class ClockWorkflow:
    """Returns the time."""

    @workflow.run
    async def run(self) -> str:
        """The machine's time, if the sandbox allows it."""
        return datetime.now(UTC).isoformat()
