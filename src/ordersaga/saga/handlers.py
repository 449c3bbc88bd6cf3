"""The handlers of a workflow that runs a saga: cancel, people's decisions, and status."""

# No postponed annotations here: inside Temporal's sandbox, a data converter could not resolve them.

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from temporalio import workflow

from ordersaga.saga.cancel_requests import CancelRequests, read_cancel
from ordersaga.saga.decisions import Choice, Decision
from ordersaga.saga.execution import SagaRun
from ordersaga.saga.outcome import Phase, Verdict
from ordersaga.saga.step_state import StepRecord, StepState


@dataclass(frozen=True)
class StepView:
    """The state of one step, or of one instance of it."""

    name: str
    id: str
    state: StepState
    attempts: int = 0
    undo_attempts: int = 0
    last_error: str | None = None
    undoing: bool = False
    """Whether its undo is running or, if nothing is running, was the last to run."""
    next_try: datetime | None = None
    """When the next attempt is due, if known."""
    choices: list[Choice] = field(default_factory=list)
    """The choices that a person has for it now."""


@dataclass(frozen=True)
class SagaView:
    """The state of a saga."""

    phase: Phase
    verdict: Verdict | None = None
    cancel_reason: str | None = None
    steps: list[StepView] = field(default_factory=list)

    @property
    def parked(self) -> list[str]:
        """The steps that cannot finish by themselves."""
        return [step.name for step in self.steps if step.state is StepState.PARKED]

    def step(self, name: str) -> StepView:
        """One step, by its name. Raises KeyError."""
        return {step.name: step for step in self.steps}[name]


class SagaHandlers:
    """Signals, updates and queries for a workflow class to inherit. `SagaClient` calls them."""

    def __init__(self, saga: SagaRun[Any]) -> None:
        self.saga = saga
        self._cancels = CancelRequests()

    @workflow.signal
    def cancel(self, *reason: Any) -> None:
        """Request the saga's cancellation. A signal has no answer; for one, use request_cancel."""
        self.saga.cancel(*read_cancel(reason))

    @workflow.update
    async def request_cancel(self, *reason: Any) -> Verdict:
        """Request the saga's cancellation, and answer once it is certain how the saga ends."""
        return await self._cancels.answer(self.saga, reason)

    @request_cancel.validator
    def _check_cancel(self, *reason: Any) -> None:
        self._cancels.check()

    @workflow.update
    async def resolve(self, decision: Decision) -> SagaView:
        """Carry out a person's decision on a parked step, and return the saga's state afterwards."""
        await self.saga.resolve(decision)
        return self.get_saga()

    @resolve.validator
    def _check_decision(self, decision: Decision) -> None:
        self.saga.decisions.check(decision)

    @workflow.query
    def get_saga(self) -> SagaView:
        """The state of the saga."""
        steps = [self._view_of(record) for record in self.saga.records.values()]
        return SagaView(self.saga.phase, self.saga.verdict, self.saga.cancel_reason, steps)

    def _view_of(self, record: StepRecord) -> StepView:
        return StepView(
            record.name,
            str(record.id),
            record.state,
            record.attempts,
            record.undo_attempts,
            record.last_error,
            record.undoing,
            record.next_try,
            self.saga.decisions.choices(record.name),
        )
