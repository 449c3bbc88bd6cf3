"""Bugs in the engine, the watcher and the client. Each function plants one until its block ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

from temporalio import workflow

from ordersaga.domain.result import CancelAnswer, CancelOutcome
from ordersaga.orders import starting
from ordersaga.orders.recovery import watcher
from ordersaga.orders.workflows.handlers import OrderHandlers
from ordersaga.orders.workflows.steps import CHARGE
from ordersaga.saga import (
    Choice,
    Decided,
    Decision,
    Kind,
    Outcome,
    Phase,
    SagaRun,
    StepRecord,
    StepState,
    UndoAnswered,
    UndoOutcome,
    UndoResult,
    Verdict,
    execution,
    story_run,
    waiting,
)
from ordersaga.saga.activity_calls import classify_failure
from ordersaga.saga.exits import Fault, Mismatch, Refused, StoryExit, Unwind
from ordersaga.saga.first_attempts import Failure
from ordersaga.saga.story_run import StoryRun
from ordersaga.saga.undoing import StartUndo, Undoer, wait_until_over_or

Planted = AbstractContextManager[object]
AnyRun = SagaRun[Any]

# The correct code, before anything is planted.
_undo, _run_story, _outcome_decided = SagaRun._undo, SagaRun._run_story, SagaRun.outcome_decided
_undo_to_its_end, _attempt_undo = Undoer.undo, Undoer._attempt


def undo_only(*, begun: bool) -> Planted:
    """Undo only the steps that have answered or, with `begun`, those that the run remembers to have begun."""

    async def undo(run: AnyRun, record: StepRecord, reason: str) -> None:
        remembered = record.state is not StepState.PENDING if begun else record.state is StepState.DONE
        if remembered:
            await _undo(run, record, reason)

    return patch.object(SagaRun, "_undo", undo)


def catch_exception() -> Planted:
    """Run the saga in the workflow's first task, where `except Exception` misses asyncio.CancelledError."""

    async def run(run: AnyRun, **_: Any) -> Outcome:
        return await run._drive(None)

    return patch.object(SagaRun, "run", run)


@contextmanager
def let_a_cancel_end_every_wait() -> Iterator[None]:
    """Let asyncio.CancelledError through wherever it is raised, as is good style. But a cancel of the run raises it."""
    always = [patch.object(module, "is_cancelled_itself", lambda: True) for module in (waiting, execution)]
    with always[0], always[1]:
        yield


def log_a_failed_undo() -> Planted:
    """Log an undo that failed until its patience was used up, and continue."""

    async def attempt(undoer: Undoer, record: StepRecord, *how: Any) -> UndoResult:
        answer = await _attempt_undo(undoer, record, *how)
        if answer is None:
            answer = UndoResult(UndoOutcome.UNDONE, detail="compensation failed")
            undoer._log.undo_answered(record, answer.outcome, answer.attempts, answer.detail)
        return answer

    return patch.object(Undoer, "_attempt", attempt)


def leave_parked_undos_alone() -> Planted:
    """Start all undos, but do not wait for a parked one."""

    async def undo_all(run: AnyRun, records: list[StepRecord], reason: str) -> None:
        for record in records:
            await wait_until_over_or(run._start_undo(record, reason), record, [StepState.PARKED])

    return patch.object(SagaRun, "_undo_all", undo_all)


def write_off_by_itself(*, say_who: bool) -> Planted:
    """Write off a parked undo without a person; with `say_who`, record it as somebody's decision."""

    async def decision(undoer: Undoer, record: StepRecord, _pause: timedelta) -> UndoOutcome:
        log, outcome = undoer._log, UndoOutcome.UNDONE
        if say_who:
            decision = Decision(record.name, Choice.WRITE_OFF, "system", "gave up")
            log.resolved(record, Decided(decision, workflow.now()), StepState.WRITTEN_OFF)
        else:
            what: dict[str, Any] = {"outcome": outcome, "attempts": 0, "detail": "written off"}
            log._change(record, StepState.WRITTEN_OFF, UndoAnswered, **what)
        return outcome

    return patch.object(Undoer, "decision", decision)


def believe_every_too_late() -> Planted:
    """Let every undo decide whether its effect stands, not only the pivot's."""

    async def undo(undoer: Undoer, record: StepRecord, start: StartUndo, reason: str, *_: Any) -> UndoOutcome:
        return await _undo_to_its_end(undoer, record, start, reason, lambda: True)

    return patch.object(Undoer, "undo", undo)


def unwind_when_the_mail_fails() -> Planted:
    """Treat the confirmation like any other step: its failure unwinds the order."""
    return patch.object(StoryRun, "_may_fail", StoryRun._must_succeed)


@contextmanager
def give_the_money_back_first() -> Iterator[None]:
    """Undo the payment before asking the carrier whether the parcel has left."""

    async def unwind(run: AnyRun, unwind: Unwind, records: list[StepRecord]) -> None:
        run.phase = Phase.UNWINDING
        money_first = sorted(records, key=lambda each: (each.step != CHARGE.name, not run._is_pivot(each)))
        for record in money_first:
            await run._undo(record, str(unwind))
            if record.state is StepState.TOO_LATE:
                run._commit()
                return
        run._decide_outcome(Verdict.UNDONE)

    async def run_story(run: AnyRun) -> StoryExit | None:
        return None if run._state.committed else await _run_story(run)

    with patch.object(SagaRun, "_unwind", unwind), patch.object(SagaRun, "_run_story", run_story):
        yield


def take_a_fault_for_a_refusal() -> Planted:
    """Treat an error that says nothing about the effect as a refusal, so that nothing is undone."""

    def classify(failure: Failure) -> Refused | Unwind | Mismatch:
        found = classify_failure(failure)
        return Refused("Failed", str(found)) if isinstance(found, Fault) else found

    return patch.object(story_run, "classify_failure", classify)


def never_recall_a_mail() -> Planted:
    """Leave the confirmation out of the unwinding."""

    async def undo(run: AnyRun, record: StepRecord, reason: str) -> None:
        if run._steps[record.step].kind is not Kind.RETRIABLE:
            await _undo(run, record, reason)

    return patch.object(SagaRun, "_undo", undo)


@contextmanager
def promise_a_cancel() -> Iterator[None]:
    """Answer a cancel as soon as it is recorded."""

    async def outcome_decided(run: AnyRun) -> Verdict:
        return Verdict.UNDONE if run.cancel_reason is not None else await _outcome_decided(run)

    def answer(handlers: OrderHandlers) -> CancelAnswer:
        status = handlers.projection.status
        return CancelAnswer(order_id=handlers.order.order_id, outcome=CancelOutcome.CANCELLED, status=status)

    with (
        patch.object(SagaRun, "outcome_decided", outcome_decided),
        patch.object(OrderHandlers, "_cancel_answer", answer),
    ):
        yield


def forget_terminated_runs() -> Planted:
    """Recover runs that failed or timed out, but not terminated ones."""
    query = 'WorkflowType = "OrderSagaWorkflow" AND ExecutionStatus IN ("Failed", "TimedOut")'
    return patch.object(watcher, "CUT_OFF_QUERY", query)


def recover_what_was_reset() -> Planted:
    """Treat every terminated run as cut off. But a reset terminates a run and begins the next."""

    async def was_followed(*_: Any) -> bool:
        return False

    return patch.object(watcher, "was_followed", was_followed)


def start_under_a_new_workflow_id() -> Planted:
    """Give every start its own workflow id."""
    numbers = count(1)
    return patch.object(starting, "workflow_id", lambda order_id: f"order-{order_id}-{next(numbers)}")
