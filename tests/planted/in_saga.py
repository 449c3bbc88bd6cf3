"""Bugs in the engine, the reconciler and the client of orders. Each function plants one, until its block is left."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from datetime import timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

from ordersaga import client, reconciler
from ordersaga.saga import Choice, Decided, Decision, Ending, Phase, SagaRun, StepState, Undone, UndoOutcome, Verdict
from ordersaga.saga import run as run_module
from ordersaga.saga.ahead import Failure
from ordersaga.saga.calls import Fault, Refused, Unwind, judge
from ordersaga.saga.record import StepRecord
from ordersaga.saga.step import Kind, Step
from ordersaga.workflows.steps import CHARGE

Planted = AbstractContextManager[object]
AnyStep = Step[Any, Any]
AnyRun = SagaRun[Any]

# The right code, as it is before anything is planted.
_undo, _undo_once, _attempt, _settled = SagaRun._undo, SagaRun._undo_once, SagaRun.attempt, SagaRun.settled


def undo_only(*, begun: bool) -> Planted:
    """Undo the steps whose answer was heard; with `begun`, those that the run remembers having begun."""

    async def undo(run: AnyRun, step: AnyStep, reason: str) -> UndoOutcome:
        state = run.records[step.name].state
        remembered = state is not StepState.PENDING if begun else state is StepState.DONE
        return await _undo(run, step, reason) if remembered else UndoOutcome.NOTHING_TO_UNDO

    return patch.object(SagaRun, "_undo", undo)


def catch_exception() -> Planted:
    """Run the saga in the workflow's first task, where `except Exception` misses asyncio.CancelledError."""

    async def run(run: AnyRun, **_: Any) -> Ending:
        return await run._drive(None)

    return patch.object(SagaRun, "run", run)


def log_a_failed_undo() -> Planted:
    """Log an undo that failed for as long as it was patient, and go on."""

    async def undo_once(run: AnyRun, step: AnyStep, record: StepRecord, reason: str) -> Undone:
        undone = await _undo_once(run, step, record, reason)
        return undone or Undone(UndoOutcome.UNDONE, detail="compensation failed")

    return patch.object(SagaRun, "_undo_once", undo_once)


def leave_parked_undos_alone() -> Planted:
    """Start all undos, and wait for none that is parked."""

    async def undo_all(run: AnyRun, steps: list[AnyStep], reason: str) -> None:
        for step in steps:
            task = asyncio.create_task(run._undo(step, reason))
            await run._done_or_parked(task, run.records[step.name])

    return patch.object(SagaRun, "_undo_all", undo_all)


def write_off_by_itself(*, say_who: bool) -> Planted:
    """Write a parked undo off, without a person; with `say_who`, enter it as somebody's decision."""

    async def decision(run: AnyRun, record: StepRecord, _pause: timedelta) -> UndoOutcome:
        if say_who:
            decided = Decision(record.name, Choice.WRITE_OFF, "system", "gave up")
            run.decided.append(Decided(decided, run.timeline[-1].at))
        run._mark(record, StepState.WRITTEN_OFF, f"{record.name}: written off")
        return UndoOutcome.UNDONE

    return patch.object(SagaRun, "_decision", decision)


def unwind_when_the_mail_fails() -> Planted:
    """Treat the confirmation like any other step: what fails unwinds the order."""

    async def attempt(run: AnyRun, step: AnyStep, argument: Any) -> Any:
        answer = await _attempt(run, step, argument)
        if answer is None:
            raise Unwind(f"{step.name} failed")
        return answer

    return patch.object(SagaRun, "attempt", attempt)


def give_the_money_back_first() -> Planted:
    """Undo the payment before the carrier is asked whether the parcel has left."""

    async def forward_or_back(run: AnyRun) -> None:
        try:
            await run.saga.story(run.subject, run)
            run._stop_if_cancelled()
        except Unwind as unwind:
            run.phase = Phase.UNWINDING
            for step in sorted(run.saga.undo_order, key=lambda step: step.name != CHARGE.name):
                if await run._undo(step, str(unwind)) is UndoOutcome.TOO_LATE:
                    break
            else:
                run._settle(Verdict.UNDONE)
                return
        run._settle(Verdict.STANDS)

    return patch.object(SagaRun, "_forward_or_back", forward_or_back)


def take_a_fault_for_a_refusal() -> Planted:
    """Take an error that says nothing about the effect for a no: nothing was done, so nothing is to be undone."""

    def judged(failure: Failure, first: bool) -> Exception:
        found = judge(failure, first)
        return Refused("Failed", str(found)) if isinstance(found, Fault) else found

    return patch.object(run_module, "judge", judged)


def never_recall_a_mail() -> Planted:
    """Leave the confirmation out of the unwinding: no compensation needed."""

    async def undo(run: AnyRun, step: AnyStep, reason: str) -> UndoOutcome:
        return UndoOutcome.NOTHING_TO_UNDO if step.kind is Kind.RETRIABLE else await _undo(run, step, reason)

    return patch.object(SagaRun, "_undo", undo)


def promise_a_cancel() -> Planted:
    """Answer a cancel as soon as it has been noted."""

    async def settled(run: AnyRun) -> Verdict:
        return Verdict.UNDONE if run.cancel_reason is not None else await _settled(run)

    return patch.object(SagaRun, "settled", settled)


def forget_terminated_runs() -> Planted:
    """Look after runs that failed or timed out, and not after those that somebody terminated."""
    query = 'WorkflowType = "OrderSagaWorkflow" AND ExecutionStatus IN ("Failed", "TimedOut")'
    return patch.object(reconciler, "CUT_OFF_QUERY", query)


def settle_what_was_reset() -> Planted:
    """Take every terminated run for an order that was cut off; but a reset terminates a run, and begins the next."""

    async def was_followed(*_: Any) -> bool:
        return False

    return patch.object(reconciler, "was_followed", was_followed)


def start_under_a_new_workflow_id() -> Planted:
    """Give every start a workflow id of its own."""
    numbers = count(1)
    return patch.object(client, "workflow_id", lambda order_id: f"order-{order_id}-{next(numbers)}")
