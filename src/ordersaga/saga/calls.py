"""How a saga calls its activities: retries, time-outs, and telling a refusal from a fault."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.exceptions import TimeoutError as DeadlineError

from ordersaga.saga.ahead import Failure
from ordersaga.saga.step import FENCED, ID_TAKEN, Policy, Step, Undo, Undone

R = TypeVar("R")

DO = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10))
UNDO = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=15))


class Refused(Exception):
    """The step was refused: a recorded no."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Unwind(Exception):
    """The saga cannot go on: a cancel, a fence or an unknown effect. `wanted` tells a cancel from the others."""

    def __init__(self, why: str, wanted: bool = False) -> None:
        super().__init__(why)
        self.wanted = wanted


class Fault(Exception):
    """A call failed, and whether it had an effect is unknown."""


def durable_attempts(
    step: Step[Any, R], argument: Any, policy: Policy, deadline: timedelta | None
) -> workflow.ActivityHandle[R]:
    """The durable path: a regular activity, retried until the deadline.

    A cancelled one ends only when its attempt has ended, so that a do is over before its undo starts.
    """
    return workflow.start_activity(
        step.do,
        argument,
        start_to_close_timeout=policy.call_timeout,
        schedule_to_close_timeout=deadline,
        retry_policy=DO,
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=step.title or step.name,
    )


def undo_attempts(step: Step[Any, Any], undo: Undo, policy: Policy, parked: bool) -> workflow.ActivityHandle[Undone]:
    """An undo as a regular activity: retried until patience is over, or for ever and slowly once it is parked."""
    assert step.undo is not None, f"{step.name} has no undo"
    slow = RetryPolicy(initial_interval=policy.parked_interval, backoff_coefficient=1.0)
    return workflow.start_activity(
        step.undo,
        undo,
        start_to_close_timeout=policy.call_timeout,
        schedule_to_close_timeout=None if parked else policy.undo_patience,
        retry_policy=slow if parked else UNDO,
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=f"undo: {step.title or step.name}",
    )


def failure_of(error: ActivityError) -> Failure:
    """Why a regular activity failed."""
    message, cause = explain(error), error.cause
    if isinstance(cause, ApplicationError):
        return Failure(message, cause.type, cause.non_retryable)
    return Failure(message)


def judge(failure: Failure, first: bool) -> Exception:
    """Turn a failure into Refused, Unwind or Fault.

    An id that is taken by another request is a refusal at the first step, where nothing says that the effect is ours;
    later it is an unknown effect.
    """
    if not failure.final:
        return Fault(failure.message)
    if failure.type == FENCED or (failure.type == ID_TAKEN and not first):
        return Unwind(failure.message)
    return Refused(failure.type or "Refused", failure.message)


def explain(error: FailureError) -> str:
    """What went wrong in an activity, in the words of whoever knew: behind a deadline, the last attempt's error."""
    cause = error.cause if isinstance(error, ActivityError) and error.cause else error
    if isinstance(cause, DeadlineError) and isinstance(cause.cause, FailureError):
        return f"{cause.cause.message} (given up at the deadline)"
    return cause.message if isinstance(cause, FailureError) else str(cause)
