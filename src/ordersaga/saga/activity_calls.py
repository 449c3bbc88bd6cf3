"""How a saga calls its activities: retries, timeouts, and how to tell a refusal from a fault."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.exceptions import TimeoutError as DeadlineError

from ordersaga.saga.decisions import PendingDecisions
from ordersaga.saga.definition import FENCED, ID_TAKEN, NOT_YOURS, AnyStep, ExternalEvent, Policy
from ordersaga.saga.effect import UndoOutcome, UndoResult
from ordersaga.saga.exits import Fault, Interrupted, Mismatch, Refused, Unwind
from ordersaga.saga.first_attempts import Failure, answer_type, registered_name
from ordersaga.saga.step_state import StepRecord, StepState
from ordersaga.saga.waiting import is_cancelled_itself, wait_until

DO = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10))
UNDO = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=15))
LONGEST_RETRY = timedelta(hours=1)
"""The longest pause between the server's own attempts. These attempts do not grow the history."""
LONGEST_PAUSE = timedelta(days=1)
"""The longest pause between attempts that the workflow makes. Each attempt takes eleven events, so one history has room
for more than ten years of them."""

_WAIT = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
"""A cancelled activity ends only when its current attempt has ended, so a do is over before its undo starts."""


class Retries(Enum):
    """How an activity is retried."""

    QUICK = auto()
    """The server retries until the deadline or until the patience is used up."""
    SLOW = auto()
    """The server retries without end. For parked steps."""
    NONE = auto()
    """No retries: a person is waiting for the result of this attempt."""

    def of(self, quick: RetryPolicy, policy: Policy) -> RetryPolicy:
        """The SDK's retry policy for this choice."""
        if self is Retries.NONE:
            return RetryPolicy(maximum_attempts=1)
        slow = RetryPolicy(initial_interval=policy.parked_interval, maximum_interval=LONGEST_RETRY)
        return slow if self is Retries.SLOW else quick


def retries_of(record: StepRecord, decisions: PendingDecisions) -> Retries:
    """How the next call of a step is retried."""
    if decisions.is_retrying(record.name):
        return Retries.NONE
    return Retries.SLOW if record.state is StepState.PARKED else Retries.QUICK


class Unreadable(Exception):
    """An activity returned an answer of another type. Somebody may have completed it by hand."""


@dataclass(frozen=True)
class Call:
    """A started activity, and how to read its answer.

    The answer is read here because the SDK fails the workflow task for an answer that it cannot decode.
    """

    handle: workflow.ActivityHandle[RawValue]
    read: Callable[[RawValue], Any]


def start_do(
    step: AnyStep, record: StepRecord, request: Any, policy: Policy, *, deadline: timedelta, retries: Retries
) -> Call:
    """Start a do as a regular activity. The deadline applies to quick retries only."""
    handle = workflow.start_activity(
        registered_name(step.do),
        request,
        result_type=RawValue,
        activity_id=f"do {record.id}",
        start_to_close_timeout=policy.call_timeout,
        schedule_to_close_timeout=deadline if retries is Retries.QUICK else None,
        retry_policy=retries.of(DO, policy),
        cancellation_type=_WAIT,
        summary=step.title,
    )
    return Call(handle, partial(read_answer, answer_type(step.do)))


def start_undo(
    undo: Callable[..., Any], args: Sequence[Any], record: StepRecord, title: str, policy: Policy, *, retries: Retries
) -> Call:
    """Start an undo as a regular activity. Quick retries last until the patience is used up."""
    handle = workflow.start_activity(
        registered_name(undo),
        args=args,
        result_type=RawValue,
        activity_id=f"undo {record.id}",
        start_to_close_timeout=policy.call_timeout,
        schedule_to_close_timeout=policy.undo_patience if retries is Retries.QUICK else None,
        retry_policy=retries.of(UNDO, policy),
        cancellation_type=_WAIT,
        summary=f"undo: {title}",
    )
    return Call(handle, partial(_read_undo, answer_type(undo)))


def start_poll(event: ExternalEvent[Any, Any], subject: Any, deadline: timedelta) -> Call:
    """Start a poll as a regular activity, which the server repeats until there is something to report."""
    assert event.poll is not None, f"{event.name} has no poll"
    handle = workflow.start_activity(
        registered_name(event.poll),
        event.request(subject),
        result_type=RawValue,
        activity_id=f"poll {event.name}",
        start_to_close_timeout=event.call_timeout,
        schedule_to_close_timeout=deadline,
        retry_policy=RetryPolicy(initial_interval=event.every, backoff_coefficient=1.0),
        summary=f"wait for {event.name}",
    )
    return Call(handle, partial(read_answer, event.value_type))


async def answer_of(call: Call, is_stopped: Callable[[], bool]) -> Any:
    """Return an activity's answer.

    If the condition comes true first, cancel the activity and wait for its attempt to end.

    Raises ActivityError, Unreadable, or Interrupted if the activity was cancelled just as it began or answered.
    """
    handle = call.handle
    await wait_until(lambda: handle.done() or is_stopped())
    if not handle.done():
        await asyncio.sleep(0)  # or a handle that has not begun would be cancelled without its activity
        handle.cancel()
    try:
        raw = await handle
    except asyncio.CancelledError:
        if is_cancelled_itself():
            raise
        raise Interrupted("it was ended early") from None
    return call.read(raw)


def read_answer(kind: Any, raw: RawValue) -> Any:
    """Decode an activity's answer as this type. Raises Unreadable."""
    try:
        return workflow.payload_converter().from_payload(raw.payload, kind)
    except Exception:  # a converter may raise anything
        raise Unreadable(f"it was answered by something that is no {getattr(kind, '__name__', kind)}") from None


def _read_undo(kind: Any, raw: RawValue) -> UndoResult:
    """Decode an undo's answer. An undo that was completed by hand, with a text or with nothing, counts as done."""
    if not (isinstance(kind, type) and issubclass(kind, UndoResult)):
        return UndoResult(UndoOutcome.UNDONE)
    try:
        answer = read_answer(kind, raw)
    except Unreadable:
        answer = read_answer(None, raw)
        if isinstance(answer, Mapping):
            raise
    if isinstance(answer, UndoResult):
        return answer
    return UndoResult(UndoOutcome.UNDONE, detail=f"completed by hand: {answer}" if answer else "completed by hand")


def failure_of(error: ActivityError) -> Failure:
    """Describe why a regular activity failed."""
    message, cause = explain(error), error.cause
    if isinstance(cause, ApplicationError):
        return Failure(message, cause.type, cause.non_retryable)
    return Failure(message)


def is_foreign_effect(error: ActivityError) -> bool:
    """Return whether an undo was rejected because the effect belongs to another owner. Ours then never existed."""
    return isinstance(error.cause, ApplicationError) and error.cause.type == NOT_YOURS


def attempts_of(error: ActivityError) -> int:
    """The number of failed attempts: the first detail of the activity's last error if that is an int, else one."""
    cause = error.cause.cause if isinstance(error.cause, DeadlineError) else error.cause
    details = cause.details if isinstance(cause, ApplicationError) else ()
    return details[0] if details and isinstance(details[0], int) else 1


def classify_failure(failure: Failure) -> Refused | Unwind | Mismatch | Fault:
    """Classify a failure: a refusal, a reason to unwind, an effect that differs from the request, or a fault."""
    if not failure.final:
        return Fault(failure.message)
    if failure.type == FENCED:
        return Unwind(failure.message)
    if failure.type == ID_TAKEN:
        return Mismatch(failure.message)
    return Refused(failure.type or "Refused", failure.message)


def explain(error: FailureError) -> str:
    """What went wrong in an activity. After a deadline, this is the last attempt's error."""
    cause = error.cause if isinstance(error, ActivityError) and error.cause else error
    if isinstance(cause, DeadlineError) and isinstance(cause.cause, FailureError):
        return f"{cause.cause.message} (given up at the deadline)"
    return cause.message if isinstance(cause, FailureError) else str(cause)
