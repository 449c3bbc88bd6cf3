"""A workflow that runs any saga that a test gives it, in the test's process and outside Temporal's sandbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio import workflow

from ordersaga.saga import Policy, Saga, SagaEvent, SagaHandlers, SagaRun
from ordersaga.testing.sagas.checker import Ending, ending_of
from ordersaga.testing.sagas.transcript import Line, transcript
from ordersaga.testing.sagas.world import World


@dataclass(frozen=True)
class RunInputs:
    """The inputs of a run that cannot be passed as JSON. `on_event` is called in replays too."""

    saga: Saga[Any]
    subject: Any
    key: str
    policy: Policy
    world: World
    on_event: Callable[[SagaEvent], None]


RUNS: dict[str, RunInputs] = {}
"""The inputs by workflow id."""


@workflow.defn
class SagaUnderTest(SagaHandlers):
    """Runs a saga. Events that the saga waits for and that have no poll are delivered at its start."""

    @workflow.init
    def __init__(self) -> None:
        run = RUNS[workflow.info().workflow_id]
        super().__init__(SagaRun(run.saga, run.subject, run.key, run.policy, run.on_event))
        for event in run.saga.events:
            if event.poll is None:
                self.saga.deliver(event, run.world.event_value(event, event.request(run.subject)))

    @workflow.run
    async def run(self) -> Ending:
        """Run the saga to its end, and return how it ended."""
        outcome = await self.saga.run()
        return ending_of(self.saga, outcome.verdict)

    @workflow.query
    def happened(self) -> list[Line]:
        """The events so far."""
        return transcript(self.saga.events)
