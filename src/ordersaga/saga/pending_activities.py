"""What the server knows about running activities: attempts, the last error, and the time of the next attempt."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Protocol

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowExecutionDescription

from ordersaga.saga.step_state import StepState

_UNDER_WAY = (StepState.RUNNING, StepState.UNDOING, StepState.UNDO_REQUESTED, StepState.PARKED)
"""The states in which a step may have a running activity."""


class ShownStep(Protocol):
    """A step as a run's query shows it, without the news of its running activity."""

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
    """A run's activities that a worker is executing or that the server is retrying."""

    def __init__(self, activities: Iterable[PendingActivityInfo]) -> None:
        self._by_id = {each.activity_id: each for each in activities}

    @classmethod
    def of(cls, description: WorkflowExecutionDescription) -> PendingActivities:
        """The pending activities of a described run."""
        return cls(description.raw_description.pending_activities)

    def changes(self, step: ShownStep) -> dict[str, Any]:
        """The fields of a shown step that have changed since: attempts or undo_attempts, last_error and next_try.

        The step and the activities are read one after the other. A step that has moved on in between has no changes.
        """
        activity = self._by_id.get(f"{'undo' if step.undoing else 'do'} {step.id}")
        if activity is None or step.state not in _UNDER_WAY:
            return {}
        waits = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
        counted = "undo_attempts" if step.undoing else "attempts"
        attempts = activity.attempt - waits  # the server already counts the next attempt while it waits
        return {
            counted: (step.undo_attempts if step.undoing else step.attempts) + attempts,
            "last_error": activity.last_failure.message or step.last_error,
            "next_try": _next_try(activity) if waits else None,
        }


def _next_try(activity: PendingActivityInfo) -> datetime | None:
    """When a worker may begin the attempt. In the past if no worker has picked it up since."""
    return activity.scheduled_time.ToDatetime(UTC) if activity.HasField("scheduled_time") else None
