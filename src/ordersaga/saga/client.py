"""A client for workflows that run a saga and inherit SagaHandlers: how it stands, cancel, what is parked, resolve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError

from ordersaga.saga.decisions import Choice, Decision, DecisionRefused
from ordersaga.saga.handlers import SagaHandlers, SagaView, StepView
from ordersaga.saga.outcome import Verdict
from ordersaga.saga.pending_activities import PendingActivities
from ordersaga.saga.step_state import StepState


class SagaClient:
    """One saga's run, by its workflow id."""

    def __init__(self, temporal: Client, workflow_id: str) -> None:
        self.handle: WorkflowHandle[Any, Any] = temporal.get_workflow_handle(workflow_id)

    async def status(self, timeout: timedelta = timedelta(seconds=12)) -> SagaView:
        """How it stands, with the attempts and the last error of what the server is retrying right now."""
        view: SagaView = await self.handle.query(SagaHandlers.get_saga, rpc_timeout=timeout)
        pending = PendingActivities.of(await self.handle.describe())
        return replace(view, steps=[replace(step, **pending.changes(step)) for step in view.steps])

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
