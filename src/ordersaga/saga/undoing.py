"""Undo one effect: retry until the undo succeeds or a person decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from ordersaga.saga.activity_calls import (
    LONGEST_PAUSE,
    Call,
    Retries,
    Unreadable,
    answer_of,
    attempts_of,
    explain,
    is_foreign_effect,
    retries_of,
)
from ordersaga.saga.decisions import BY_A_PERSON, UNDO_OF_PIVOT, Choice, Decision, PendingDecisions
from ordersaga.saga.definition import Policy
from ordersaga.saga.effect import UndoOutcome, UndoResult
from ordersaga.saga.exits import Interrupted
from ordersaga.saga.run_log import RunLog
from ordersaga.saga.step_state import Decided, StepRecord, StepState
from ordersaga.saga.waiting import growing, wait_until

Keep = Callable[[StepRecord, Decision], Awaitable[None]]
"""Stores a decision where it outlives the run, before it is carried out."""

StartUndo = Callable[[Retries], Call]
"""Calls an undo with this kind of retries."""

CARRIED_OUT: dict[Choice, tuple[StepState, UndoOutcome | None]] = {
    Choice.RETRY: (StepState.PARKED, None),
    Choice.DONE_BY_HAND: (StepState.DONE_BY_HAND, UndoOutcome.UNDONE),
    Choice.WRITE_OFF: (StepState.WRITTEN_OFF, UndoOutcome.UNDONE),
    Choice.GO_FORWARD: (StepState.TOO_LATE, UndoOutcome.TOO_LATE),
}
"""The state in which each decision leaves a step, and the outcome that it counts as if it ends the undo."""


async def keep_nowhere(record: StepRecord, decision: Decision) -> None:
    """For a run without a register."""


class Undoer:
    """Undoes the effects of one run."""

    def __init__(self, log: RunLog, policy: Policy, keep: Keep = keep_nowhere) -> None:
        self._log, self._policy, self._keep = log, policy, keep

    async def undo(
        self, record: StepRecord, start: StartUndo, reason: str, may_stand: Callable[[], bool] = lambda: False
    ) -> UndoOutcome:
        """Undo an effect, and return the final outcome. A decision that ends the undo counts as one.

        `may_stand` returns whether the effect may still stand: it is the pivot's, and nothing else is undone yet.
        """
        self._log.undo_begun(record, reason)
        parked = growing(self._policy.parked_interval, LONGEST_PAUSE)
        requested = growing(self._policy.requested_interval, LONGEST_PAUSE)
        while True:
            answer = await self._attempt(record, start, may_stand)
            if answer is not None and answer.outcome is not UndoOutcome.REQUESTED:
                return answer.outcome
            outcome = await self.decision(record, next(requested if answer is not None else parked))
            if outcome is not None:
                return outcome

    async def decision(
        self, record: StepRecord, pause: timedelta, is_stopped: Callable[[], bool] = lambda: False
    ) -> UndoOutcome | None:
        """Wait for a decision until the pause is over or the wait is stopped.

        Returns None if no decision ends the step.
        """
        decisions = self._log.decisions
        record.next_try = workflow.now() + pause
        await wait_until(lambda: decisions.has(record.name) or is_stopped(), pause, f"{record.name} is {record.state}")
        if not decisions.has(record.name):
            return None
        await self._keep(record, decisions.waiting_for(record.name))
        return self.carry_out(record, Decided(decisions.take(record.name), workflow.now()))

    def carry_out(self, record: StepRecord, decided: Decided) -> UndoOutcome | None:
        """Carry out a person's decision, and return the outcome that it counts as if it ends the step."""
        state, outcome = CARRIED_OUT[decided.decision.choice]
        self._log.resolved(record, decided, record.state if outcome is None else state)
        return outcome

    async def _attempt(self, record: StepRecord, start: StartUndo, may_stand: Callable[[], bool]) -> UndoResult | None:
        """Make one attempt, and return its answer. None after a failure, which parks the undo, and after a decision."""
        try:
            return await self._call(record, start(retries_of(record, self._log.decisions)), may_stand)
        finally:
            self._log.decisions.retried(record.name)

    async def _call(self, record: StepRecord, call: Call, may_stand: Callable[[], bool]) -> UndoResult | None:
        decisions = self._log.decisions
        try:
            answer: UndoResult = await answer_of(call, lambda: decisions.has(record.name))
        except Interrupted:
            return None
        except Unreadable as unreadable:
            self._log.parked(record, str(unreadable), choices=UNDO_OF_PIVOT if may_stand() else BY_A_PERSON)
            return None
        except ActivityError as error:
            if is_foreign_effect(error):
                answer = UndoResult(UndoOutcome.NOTHING_TO_UNDO, attempts_of(error), explain(error))
                self._log.undo_answered(record, answer.outcome, answer.attempts, answer.detail)
                return answer
            record.undo_attempts += attempts_of(error)
            if not decisions.has(record.name):
                self._log.parked(record, explain(error), choices=UNDO_OF_PIVOT if may_stand() else BY_A_PERSON)
            return None
        if answer.outcome is UndoOutcome.TOO_LATE and not may_stand():
            record.undo_attempts += answer.attempts
            self._log.parked(record, "the undo came too late, and the saga cannot go forward any more")
            return None
        self._log.undo_answered(record, answer.outcome, answer.attempts, answer.detail)
        return answer


async def wait_until_over_or(task: asyncio.Task[None], record: StepRecord, states: Sequence[StepState]) -> None:
    """Wait until an undo has ended or is in one of these states."""
    await wait_until(lambda: task.done() or record.state in states)


async def carry_out(decisions: PendingDecisions, decision: Decision) -> None:
    """Add a decision, and wait until it is carried out. For a retry, wait until that attempt has ended.

    Raises DecisionRefused if the decision is not acceptable now. Raises ApplicationError, which fails an update, if the
    step ended before the decision could be carried out.
    """
    decisions.add(decision)
    await wait_until(lambda: not decisions.has(decision.step))
    overtaken = decisions.overtaken(decision.step)
    if overtaken is not None:
        message = f"The decision came too late: {overtaken}. It was not carried out."
        raise ApplicationError(message, type="DecisionRefused", non_retryable=True)
    await wait_until(lambda: not decisions.is_retrying(decision.step))
