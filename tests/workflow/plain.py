"""A workflow of the plain layer, for the tests of compensations."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from ordersaga.saga import Compensations, Decision, Policy, UndoRequest
    from tests.workflow.sample_saga import World


@dataclass(frozen=True)
class Plain:
    """The steps to do, and how to undo them."""

    steps: list[str]
    parallel: bool = False
    patience: float = 60


@workflow.defn
class PlainWorkflow:
    """Does its steps one by one, as in Java's Saga."""

    def __init__(self) -> None:
        self.compensations = Compensations()

    @workflow.run
    async def run(self, plain: Plain) -> str:
        """Do the steps, and undo those that were begun if one fails."""
        pause = timedelta(seconds=0.2)
        policy = Policy(
            undo_patience=timedelta(seconds=plain.patience), parked_interval=pause, requested_interval=pause
        )
        self.compensations = Compensations(policy, parallel=True) if plain.parallel else Compensations(policy)
        try:
            for each in plain.steps:
                self.compensations.add_compensation(World.undo_step, UndoRequest(each), name=each)
                await workflow.execute_activity_method(
                    World.do_step, each, start_to_close_timeout=timedelta(seconds=5), summary=each
                )
        except (ActivityError, asyncio.CancelledError):
            await self.compensations.compensate()
            raise
        return "done"

    @workflow.update
    async def resolve(self, decision: Decision) -> None:
        """Carry out a decision."""
        await self.compensations.resolve(decision)

    @workflow.query
    def states(self) -> dict[str, str]:
        """The state of each compensation."""
        return {name: str(record.state) for name, record in self.compensations.records.items()}
