"""A workflow that runs whatever saga a test gives it: in the test's own process, and outside Temporal's sandbox."""

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
    """What a run of the workflow needs, and cannot be given as JSON. `on_event` is called in replays, too."""

    saga: Saga[Any]
    subject: Any
    key: str
    policy: Policy
    world: World
    on_event: Callable[[SagaEvent], None]


RUNS: dict[str, RunInputs] = {}
"""By workflow id."""


@workflow.defn
class SagaUnderTest(SagaHandlers):
    """Runs a saga. The events that it waits for, and that nobody polls for, have come at its beginning."""

    @workflow.init
    def __init__(self) -> None:
        run = RUNS[workflow.info().workflow_id]
        super().__init__(SagaRun(run.saga, run.subject, run.key, run.policy, run.on_event))
        for event in run.saga.events:
            if event.poll is None:
                self.saga.deliver(event, run.world.event_value(event, event.request(run.subject)))

    @workflow.run
    async def run(self) -> Ending:
        """Run it to its end, and tell how it ended."""
        outcome = await self.saga.run()
        return ending_of(self.saga, outcome.verdict)

    @workflow.query
    def happened(self) -> list[Line]:
        """What has happened so far."""
        return transcript(self.saga.events)
