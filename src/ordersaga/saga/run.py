"""One run of a saga: forward through its steps, or back by asking, until nothing is half done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

from ordersaga.saga.calls import (
    Fault,
    Refused,
    Unwind,
    durable_attempts,
    explain,
    failure_of,
    judge,
    undo_attempts,
)
from ordersaga.saga.desk import Choice, Decision, Desk
from ordersaga.saga.ending import Ending, Phase, Verdict
from ordersaga.saga.fast_path import FastPath, FirstAttempt
from ordersaga.saga.record import Decided, StepRecord, StepState, TimelineEvent
from ordersaga.saga.step import Kind, Policy, Saga, Step, Undo, Undone, UndoOutcome

A = TypeVar("A")
R = TypeVar("R")
S = TypeVar("S")

LONGEST_PAUSE = timedelta(hours=1)

_CARRIED_OUT: dict[Choice, tuple[StepState, UndoOutcome | None]] = {
    Choice.RETRY: (StepState.PARKED, None),
    Choice.DONE_BY_HAND: (StepState.DONE_BY_HAND, UndoOutcome.UNDONE),
    Choice.WRITE_OFF: (StepState.WRITTEN_OFF, UndoOutcome.UNDONE),
    Choice.GO_FORWARD: (StepState.TOO_LATE, UndoOutcome.TOO_LATE),
}


class SagaRun(Generic[S]):
    """Drives one saga to its end.

    The story is told again from its beginning when the saga has to go forward after all, and gets the stored answers
    then. `on_change` is called whenever the records change, with the time at which they did.
    """

    def __init__(
        self,
        saga: Saga[S],
        subject: S,
        key: str,
        policy: Policy,
        on_change: Callable[[datetime], None] = lambda at: None,
    ) -> None:
        self.saga = saga
        self.subject = subject
        self.policy = policy
        self.phase = Phase.FORWARD
        self.verdict: Verdict | None = None
        self.cancel_reason: str | None = None
        self.cancelled_natively = False
        self.records = {step.name: StepRecord(step.name, f"{step.prefix}-{key}") for step in saga.steps}
        self.timeline: list[TimelineEvent] = []
        self.error: str | None = None
        self.refusal: str | None = None
        self.desk = Desk(saga.pivot.name if saga.pivot else None)
        self.decided: list[Decided] = []
        self._committed = False
        self._on_change = on_change
        self._answers: dict[str, Any] = {}
        self._fast_path = FastPath(saga, subject, policy.fast_path)

    # -- what the outside may ask for

    def cancel(self, reason: str) -> None:
        """Ask the saga to stop and undo itself. The first reason counts; once there is a verdict it changes nothing."""
        if self.cancel_reason is None and self.verdict is not Verdict.STANDS:
            self.cancel_reason = reason
            self.note(f"cancel requested: {reason}")

    async def settled(self) -> Verdict:
        """Wait until it is certain how the saga ends."""
        await workflow.wait_condition(lambda: self.verdict is not None)
        assert self.verdict is not None
        return self.verdict

    async def resolve(self, decision: Decision) -> None:
        """Carry out a person's decision on a parked step. Raises DecisionRefused if it cannot be taken now."""
        self.desk.decide(decision)
        await workflow.wait_condition(lambda: not self.desk.has_decision(decision.step))

    @property
    def needs_attention(self) -> bool:
        """Whether something cannot finish by itself."""
        return any(record.state is StepState.PARKED for record in self.records.values())

    def answer(self, step: Step[Any, R]) -> R | None:
        """What a step's do has answered, if it has."""
        return self._answers.get(step.name)

    def note(self, event: str, at: datetime | None = None) -> None:
        """Put an event on the timeline, of now or of a little while ago."""
        at = at or workflow.now()
        self.timeline.append(TimelineEvent(at, event))
        self._on_change(at)

    # -- the run

    async def run(self, *, unwind_because: str | None = None, committed: bool = False) -> Ending:
        """Tell the story to one of the two ends. No cancellation, native or other, ends it early or stops an undo.

        With `unwind_because`, begin by unwinding: for a run that was cut off, and that nobody remembers anything of.
        With `committed`, go forward only: for a saga whose pivot is known to stand.

        The saga runs in a child task, because Temporal's own cancellation reaches only the workflow's first task. An
        eviction from the worker's cache arrives as a cancellation too, but without a reason.
        """
        if committed:
            self._commit()
        body = asyncio.create_task(self._drive(unwind_because))
        while not body.done():
            try:
                await workflow.wait_condition(body.done)
            except asyncio.CancelledError:
                reason = workflow.cancellation_reason()
                if reason is None or self.cancelled_natively:
                    raise
                self.cancelled_natively = True
                self.cancel(reason or "cancelled through Temporal")
        return body.result()

    async def _drive(self, unwind_because: str | None) -> Ending:
        try:
            if unwind_because is not None:
                await self._unwind(Unwind(unwind_because))
            await self._forward_or_back()
        except FailureError as bug:
            # Left alone, a FailureError would fail the workflow; as a bug it fails the task, and waits for its mend.
            raise RuntimeError("the saga's story let an activity's failure through") from bug
        self.phase = Phase.ENDED
        self._on_change(workflow.now())
        assert self.verdict is not None
        undone = self.verdict is Verdict.UNDONE
        return Ending(self.verdict, undone and self.cancel_reason is not None, self.error, self.refusal)

    async def _forward_or_back(self) -> None:
        while self.verdict is not Verdict.UNDONE:
            try:
                await self.saga.story(self.subject, self)
                self._stop_if_cancelled()
            except Refused as refused:
                await self._unwind_refused(refused)
            except Unwind as unwind:
                await self._unwind(unwind)
            else:
                self._settle(Verdict.STANDS)
                return

    # -- forward

    async def do(self, step: Step[A, R], argument: A) -> R | None:
        """Do a compensatable step or the pivot, and return its answer. It leaves the story if that cannot be.

        Once the pivot stands, a step that cannot be done waits for a person. If they have done it by hand or write it
        off, the story goes on, and this returns None.
        """
        if step.kind is Kind.RETRIABLE:
            raise TypeError(f"{step.name} is retriable: use attempt(), whose answer may be None")
        record = self._starting(step)
        pauses = self._pauses()
        while True:
            try:
                return await self._done(step, argument)
            except (Refused, Unwind, Fault) as failure:
                if not self._committed:
                    raise self._failed(record, failure) from None
                # The pivot stands, so this step has to come true: it waits for a person, and tries again.
                self._park(record, f"{step.name} has to be done and cannot be", str(failure), undoing=False)
            if await self._decision(record, next(pauses)) is not None:
                return None

    async def attempt(self, step: Step[A, R], argument: A) -> R | None:
        """Do a retriable step, and return its answer, or None if it did not succeed before its deadline."""
        if step.kind is not Kind.RETRIABLE:
            raise TypeError(f"{step.name} is {step.kind}: use do()")
        record = self._starting(step)
        try:
            return await self._done(step, argument)
        except (Refused, Unwind, Fault) as failure:
            if isinstance(failure, Unwind) and not self._committed:
                raise self._failed(record, failure) from None
            self._mark(record, StepState.GAVE_UP, f"{step.name} given up: {failure}", str(failure))
            return None

    async def hold(self, duration: timedelta) -> None:
        """Wait on a durable timer; a cancel ends the wait. Skipped when the saga is going forward after all."""
        if self._committed or not duration:
            return
        self.note(f"on hold for {duration.total_seconds():g} s")
        try:
            await workflow.wait_condition(lambda: self._wants_out, timeout=duration, timeout_summary="hold")
        except TimeoutError:
            self.note("hold is over")
        self._stop_if_cancelled()

    @property
    def _wants_out(self) -> bool:
        return self.cancel_reason is not None and not self._committed

    def _stop_if_cancelled(self) -> None:
        if self._wants_out:
            raise Unwind(f"cancelled: {self.cancel_reason}", wanted=True)

    def _starting(self, step: Step[Any, Any]) -> StepRecord:
        self._stop_if_cancelled()
        record = self.records[step.name]
        record.state = StepState.RUNNING
        self._on_change(self._fast_path.began(step) or workflow.now())
        return record

    async def _done(self, step: Step[Any, R], argument: Any) -> R:
        record, at = self.records[step.name], None
        tried = await self._first_attempt(step, record) if self.policy.fast_path else None
        if tried:
            answer, at = tried.answer, tried.ended
        else:
            answer = await self._durably(step, argument)
        self._answers[step.name] = answer
        self._mark(record, StepState.DONE, f"{step.name} done", at=at)
        return answer

    async def _first_attempt(self, step: Step[Any, R], record: StepRecord) -> FirstAttempt[R] | None:
        """The step's first attempt, if it went well. None after a fault."""
        tried = await self._fast_path.attempt(step, self._answers)
        record.attempts += 1
        if tried.failure is None:
            return tried
        failure = judge(tried.failure, step is self.saga.steps[0])
        if not isinstance(failure, Fault):
            raise failure
        record.last_error = str(failure)
        self.note(f"{step.name} did not answer at once: {failure}")
        return None

    async def _durably(self, step: Step[Any, R], argument: Any) -> R:
        record = self.records[step.name]
        self._stop_if_cancelled()
        must_be_done = self._committed and step.kind is not Kind.RETRIABLE
        deadline = self.policy.undo_patience if must_be_done else self.policy.step_deadline
        handle = durable_attempts(step, argument, self.policy, deadline)
        await workflow.wait_condition(lambda: handle.done() or self._wants_out)
        if not handle.done():
            handle.cancel()
        try:
            answer = await handle
        except ActivityError as error:
            self._stop_if_cancelled()
            raise judge(failure_of(error), step is self.saga.steps[0]) from None
        record.attempts += getattr(answer, "attempts", 1)
        return answer

    def _failed(self, record: StepRecord, failure: Refused | Unwind | Fault) -> Refused | Unwind:
        if isinstance(failure, Refused):
            self._mark(record, StepState.REFUSED, f"{record.name} refused: {failure.kind}", str(failure))
            return failure
        wanted = isinstance(failure, Unwind) and failure.wanted
        self._mark(record, StepState.UNKNOWN, f"{record.name} not done: {failure}", None if wanted else str(failure))
        return failure if isinstance(failure, Unwind) else Unwind(f"{record.name} failed: {failure}")

    # -- back

    async def _unwind_refused(self, refused: Refused) -> None:
        self.error, self.refusal = str(refused), refused.kind
        names = [step.name for step in self.saga.steps]
        refused_at = next(name for name in names if self.records[name].state is StepState.REFUSED)
        before = set(names[: names.index(refused_at)])
        self.phase = Phase.UNWINDING
        self._settle(Verdict.UNDONE)
        await self._undo_all([step for step in self.saga.undo_order if step.name in before], str(refused))

    async def _unwind(self, unwind: Unwind) -> None:
        """Undo every step, remembered or not. The pivot is asked first, and if it stands, nothing else is touched."""
        assert not self._committed, f"unwinding a saga whose pivot stands: {unwind}"
        self.phase = Phase.UNWINDING
        self.note(f"unwinding: {unwind}")
        pivot = self.saga.pivot
        if pivot is not None and await self._undo(pivot, str(unwind)) is UndoOutcome.TOO_LATE:
            self._commit()
            self.note(f"{pivot.name} stands: going forward")
            return
        self.error = None if unwind.wanted else str(unwind)
        self._settle(Verdict.UNDONE)
        await self._undo_all([step for step in self.saga.undo_order if step is not pivot], str(unwind))

    async def _undo_all(self, steps: list[Step[Any, Any]], reason: str) -> None:
        """Undo one after the other; one that is parked does not keep the next ones waiting."""
        tasks = []
        for step in steps:
            task = asyncio.create_task(self._undo(step, reason))
            tasks.append(task)
            await self._done_or_parked(task, self.records[step.name])
        for task in tasks:
            await task

    async def _done_or_parked(self, task: asyncio.Task[UndoOutcome], record: StepRecord) -> None:
        await workflow.wait_condition(lambda: task.done() or record.state is StepState.PARKED)

    async def _undo(self, step: Step[Any, Any], reason: str) -> UndoOutcome:
        record = self.records[step.name]
        self._mark(record, StepState.UNDOING)
        pauses = self._pauses()
        while True:
            undone = await self._undo_once(step, record, reason)
            if undone is not None:
                record.undo_attempts += undone.attempts
                self._mark(record, StepState(undone.outcome), f"{step.name}: {undone.detail or undone.outcome}")
                return undone.outcome
            outcome = await self._decision(record, next(pauses))
            if outcome is not None:
                return outcome

    async def _undo_once(self, step: Step[Any, Any], record: StepRecord, reason: str) -> Undone | None:
        parked = record.state is StepState.PARKED
        handle = undo_attempts(step, Undo(record.id, reason), self.policy, parked)
        await workflow.wait_condition(lambda: handle.done() or self.desk.has_decision(step.name))
        if not handle.done():
            handle.cancel()
        try:
            undone = await handle
        except ActivityError as error:
            if self.desk.has_decision(step.name):
                return None
            problem = explain(error)
        else:
            if undone.outcome is not UndoOutcome.TOO_LATE or step is self.saga.pivot:
                return undone
            problem = "it answered too late, and only the pivot may"
        self._park(record, f"undo of {step.name} parked", problem, undoing=True)
        return None

    # -- what waits for a person

    def _park(self, record: StepRecord, what: str, problem: str, *, undoing: bool) -> None:
        known = record.state is StepState.PARKED
        self.desk.park(record.name, undoing=undoing)
        self._mark(record, StepState.PARKED, None if known else f"{what}: {problem}", problem)

    async def _decision(self, record: StepRecord, pause: timedelta) -> UndoOutcome | None:
        """Wait for a decision, but no longer than the pause; None means that it is tried again."""
        try:
            await workflow.wait_condition(
                lambda: self.desk.has_decision(record.name), timeout=pause, timeout_summary=f"{record.name} is parked"
            )
        except TimeoutError:
            return None
        decision = self.desk.take(record.name)
        assert decision is not None
        self.decided.append(Decided(decision, workflow.now()))
        state, outcome = _CARRIED_OUT[decision.choice]
        self._mark(record, state, f"{record.name}: {decision}")
        return outcome

    def _pauses(self) -> Iterator[timedelta]:
        """Pauses between the tries of something parked. They grow, so that years of trying fit into one history."""
        pause = self.policy.parked_interval
        while True:
            yield pause
            pause = min(pause * 2, LONGEST_PAUSE)

    # -- the records

    def _commit(self) -> None:
        self._committed = True
        self.phase = Phase.FORWARD
        self._settle(Verdict.STANDS)

    def _settle(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self._on_change(workflow.now())

    def _mark(
        self,
        record: StepRecord,
        state: StepState,
        event: str | None = None,
        error: str | None = None,
        at: datetime | None = None,
    ) -> None:
        if state is not StepState.PARKED:
            self.desk.leave(record.name)
        record.state = state
        record.last_error = error or record.last_error
        if event:
            self.note(event, at)
        else:
            self._on_change(at or workflow.now())
