"""A client for workflows that run a saga and inherit SagaHandlers: how it stands, cancel, what is parked, resolve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError

from ordersaga.saga.decisions import Choice, Decision, DecisionRefused
from ordersaga.saga.handlers import SagaHandlers, SagaView, StepView
from ordersaga.saga.outcome import Verdict
from ordersaga.saga.step_state import StepState

_UNDER_WAY = (StepState.RUNNING, StepState.UNDOING, StepState.PARKED, StepState.UNDO_REQUESTED)


class SagaClient:
    """One saga's run, by its workflow id."""

    def __init__(self, temporal: Client, workflow_id: str) -> None:
        self.handle: WorkflowHandle[Any, Any] = temporal.get_workflow_handle(workflow_id)

    async def status(self, timeout: timedelta = timedelta(seconds=12)) -> SagaView:
        """How it stands, with the attempts and the last error of what the server is retrying right now."""
        view: SagaView = await self.handle.query(SagaHandlers.get_saga, rpc_timeout=timeout)
        described = await self.handle.describe()
        pending = {each.activity_id: each for each in described.raw_description.pending_activities}
        return replace(view, steps=[_with_pending(step, pending) for step in view.steps])

    async def parked(self) -> Sequence[StepView]:
        """What cannot finish by itself, and waits for a person."""
        return [step for step in (await self.status()).steps if step.state is StepState.PARKED]

    async def cancel(self, reason: str = "") -> Verdict:
        """Cancel it, and wait until it is certain how it ends: `stands` if the cancel came too late."""
        return Verdict(await self.handle.execute_update(SagaHandlers.request_cancel, reason))

    async def resolve(self, step: str, choice: Choice, by: str, note: str = "") -> SagaView:
        """Decide on a parked step. Raises DecisionRefused, and nothing is changed then."""
        try:
            return await self.handle.execute_update(SagaHandlers.resolve, Decision(step, choice, by, note))
        except WorkflowUpdateFailedError as refused:
            raise DecisionRefused(getattr(refused.cause, "message", str(refused.cause))) from None


def _with_pending(step: StepView, pending: Mapping[str, PendingActivityInfo]) -> StepView:
    activity = pending.get(f"{'undo' if step.undoing else 'do'} {step.id}")
    if activity is None or step.state not in _UNDER_WAY:
        return step
    waits = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    attempts = activity.attempt - waits  # the next attempt is counted while it is waited for
    next_try = activity.scheduled_time.ToDatetime(UTC) if waits and activity.HasField("scheduled_time") else None
    step = replace(step, last_error=activity.last_failure.message or step.last_error, next_try=next_try)
    if step.undoing:
        return replace(step, undo_attempts=step.undo_attempts + attempts)
    return replace(step, attempts=step.attempts + attempts)
