"""A workflow that reads the clock of the machine, which workflow code may not do."""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio import workflow


@workflow.defn
class ClockWorkflow:
    """Tells the time."""

    @workflow.run
    async def run(self) -> str:
        """The machine's time, if it is let."""
        return datetime.now(UTC).isoformat()
