"""What the server knows of the activities that are under way: attempts, the last error, and when the next try is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Protocol

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowExecutionDescription

from ordersaga.saga.step_state import StepState

_UNDER_WAY = (StepState.RUNNING, StepState.UNDOING, StepState.UNDO_REQUESTED, StepState.PARKED)
"""The states in which a step may have an activity."""


class ShownStep(Protocol):
    """A step as a run's query shows it: what the run knew before the activity that is under way."""

    @property
    def id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def undoing(self) -> bool: ...
    @property
    def attempts(self) -> int: ...
    @property
    def undo_attempts(self) -> int: ...
    @property
    def last_error(self) -> str | None: ...


class PendingActivities:
    """A run's activities that the server is retrying, or that a worker is at."""

    def __init__(self, activities: Iterable[PendingActivityInfo]) -> None:
        self._by_id = {each.activity_id: each for each in activities}

    @classmethod
    def of(cls, description: WorkflowExecutionDescription) -> PendingActivities:
        """Those of a run that was described."""
        return cls(description.raw_description.pending_activities)

    def changes(self, step: ShownStep) -> dict[str, Any]:
        """The fields of a shown step that are different by now: attempts or undo_attempts, last_error and next_try.

        The step and the activities are read one after the other: a step that has gone on meanwhile has no changes.
        """
        activity = self._by_id.get(f"{'undo' if step.undoing else 'do'} {step.id}")
        if activity is None or step.state not in _UNDER_WAY:
            return {}
        waits = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
        counted = "undo_attempts" if step.undoing else "attempts"
        attempts = activity.attempt - waits  # the next attempt is counted while it is waited for
        return {
            counted: (step.undo_attempts if step.undoing else step.attempts) + attempts,
            "last_error": activity.last_failure.message or step.last_error,
            "next_try": _next_try(activity) if waits else None,
        }


def _next_try(activity: PendingActivityInfo) -> datetime | None:
    """When a worker may begin the attempt. In the past, if that has been so for a while and no worker has."""
    return activity.scheduled_time.ToDatetime(UTC) if activity.HasField("scheduled_time") else None
