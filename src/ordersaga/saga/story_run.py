"""One run through a story in the workflow: each step is durable, and a step that cannot be done leaves the story."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, Generic, NoReturn, TypeVar, TypeVarTuple

from temporalio import workflow
from temporalio.exceptions import ActivityError

from ordersaga.saga.activity_calls import (
    LONGEST_PAUSE,
    Unreadable,
    answer_of,
    attempts_of,
    classify_failure,
    failure_of,
    retries_of,
    start_do,
)
from ordersaga.saga.decisions import BY_A_PERSON, DO_BEFORE_PIVOT
from ordersaga.saga.definition import AnyStep, ExternalEvent, Kind, Step, keys_of
from ordersaga.saga.events import AttemptFailed, HoldBegun, HoldEnded
from ordersaga.saga.exits import Ended, Fault, Interrupted, Mismatch, Misuse, NotClaimed, Refused, StoryExit, Unwind
from ordersaga.saga.fast_path import FastPath
from ordersaga.saga.first_attempts import Checkpoint
from ordersaga.saga.outcome import Verdict
from ordersaga.saga.register import RegisterState, Standing
from ordersaga.saga.run_state import RunState
from ordersaga.saga.step_state import StepRecord, StepState
from ordersaga.saga.story_guard import MAY_FAIL, MUST_SUCCEED, StoryGuard, side_by_side
from ordersaga.saga.waiting import growing, wait_until

S = TypeVar("S")
V = TypeVar("V")
R = TypeVar("R")
Inputs = TypeVarTuple("Inputs")


class StoryRun(Generic[S]):
    """The SagaContext that a story gets in the workflow."""

    def __init__(self, state: RunState[S]) -> None:
        self.guard = StoryGuard(state.saga, state.log.records)
        self._state, self._log = state, state.log
        self._fast_path = FastPath(state.saga, state.subject, state.policy.fast_path)
        self._answers: dict[str, Any] = {}
        self._waits: dict[str, Any] = {}

    async def run(self) -> StoryExit | None:
        """Run the story, and return why it was left; None if it came to its end. Raises Misuse.

        The register is asked before the story begins, and gets the end when the story has come to it.
        """
        try:
            await self._claim()
            await self._state.saga.story(self._state.subject, self)
        except StoryExit as leaving:
            self.guard.leave(leaving)
        except (Exception, BaseExceptionGroup) as error:
            if isinstance(error, Exception) or self.guard.exit is None:
                raise Misuse(f"the story let {type(error).__name__} through: {error}") from error
        else:
            await asyncio.sleep(0)  # a task that the story has left behind begins its step now
            self._returned()
        await wait_until(lambda: self.guard.under_way == 0)
        if isinstance(self.guard.exit, Misuse):
            raise self.guard.exit
        return self.guard.exit or await self._close()

    # -- the register

    async def _claim(self) -> None:
        """Claim the subject, once per run. Raises NotClaimed, Ended, or Unwind if another run undoes the saga."""
        registrar = self._state.registrar
        if registrar.kept.claimed:
            return
        standing = await self._claim_ahead() or await registrar.claim()
        if standing.state is RegisterState.UNWINDING:
            raise Unwind("an earlier run had begun to undo it")
        if standing.state is RegisterState.FORWARD:
            self._state.committed = True

    async def _claim_ahead(self) -> Standing | None:
        """The register's answer on the fast path. None after a fault, and if a cancel must be handled first."""
        if not self._fast_path.registers or self._state.registrar.register is None or self._state.must_cancel:
            return None
        made = await self._fast_path.claim(Checkpoint(self._state.key, self._fast_path.seconds, claim=True))
        if made.failure is None:
            return self._state.registrar.claimed(made.answer)
        failure = classify_failure(made.failure)
        if isinstance(failure, Refused):
            raise NotClaimed(failure.kind, str(failure))
        return None

    async def _close(self) -> StoryExit | None:
        """Write the end.

        Returns why the story is left after all: a cancel, another run that undoes the saga, or its end.
        """
        registrar = self._state.registrar
        made = self._fast_path.closed()
        try:
            if made is not None and made.failure is None:
                ending = made.answer.ending
            else:
                ending = await registrar.close(Verdict.STANDS, lambda: self._state.must_cancel)
        except Interrupted:
            return self._cancelled()
        except Unwind as leaving:
            return leaving
        return None if ending is None else Ended(Verdict.STANDS, ending)

    # -- the methods for stories

    async def do(self, step: Step[S, R, *Inputs], *inputs: *Inputs, key: str = "") -> R | None:
        """Do a step, and return its answer."""
        answer: R | None = await self._do(step, inputs, key)
        return answer

    async def try_step(self, step: Step[S, R, *Inputs], *inputs: *Inputs, key: str = "") -> R | None:
        """Do a retriable step, and return its answer or None."""
        record = self.guard.begin(step, key, MAY_FAIL, "try_step()")
        answer: R | None = await self._guarded(record, self._may_fail(step, record, inputs))
        return answer

    async def do_all(self, step: Step[S, R, *Inputs], *inputs: *Inputs) -> dict[str, R | None]:
        """Do all instances of a step concurrently."""
        return await side_by_side(keys_of(step, self._state.subject), lambda key: self._do(step, inputs, key))

    async def hold(self, duration: timedelta) -> None:
        """Wait on a durable timer. A cancel ends the wait. Skipped when the saga goes forward after all."""
        name = self.guard.next_hold()
        if duration and not self._state.committed:
            self._log.happened(HoldBegun, until=workflow.now() + duration)
            if not await wait_until(lambda: self._stopped, duration, "hold"):
                self._log.happened(HoldEnded)
        self._waits[name] = None
        self._check_cancel()

    async def wait_for(self, event: ExternalEvent[S, V], deadline: timedelta) -> V | None:
        """Wait for an event from outside, and return its value."""
        self.guard.check_going_on()
        self.guard.knows(event)
        try:
            value = await self._state.inbox.wait(event, deadline, lambda: self._ends_wait(event))
        except StoryExit as leaving:
            raise self.guard.leave(leaving) from None
        self._waits[event.name] = value
        self._check_cancel()
        return value

    def refuse(self, kind: str, message: str) -> NoReturn:
        """Leave the story, and undo everything."""
        self.guard.check_going_on()
        raise self.guard.leave(Refused(kind, message, recorded=False))

    # -- helpers

    async def _do(self, step: AnyStep, inputs: tuple[Any, ...], key: str) -> Any:
        record = self.guard.begin(step, key, MUST_SUCCEED, "do()")
        return await self._guarded(record, self._must_succeed(step, record, inputs))

    @property
    def _stopped(self) -> bool:
        return self._state.must_cancel or self.guard.exit is not None

    def _ends_wait(self, event: ExternalEvent[S, Any]) -> bool:
        return self.guard.exit is not None or (event.ends_on_cancel and self._state.must_cancel)

    def _check_cancel(self) -> None:
        if self.guard.exit is not None:
            raise self.guard.exit
        if self._state.must_cancel:
            raise self.guard.leave(self._cancelled())

    def _check_stopped(self) -> None:
        """Raise Unwind if a step must stop. Its effect is then unknown."""
        if self._state.must_cancel:
            raise self._cancelled()
        if self.guard.exit is not None:
            raise Unwind("the story was left meanwhile", wanted=True)

    def _cancelled(self) -> Unwind:
        return Unwind(f"cancelled: {self._state.cancel_reason}", wanted=True)

    async def _guarded(self, record: StepRecord, attempt: Coroutine[Any, Any, Any]) -> Any:
        """Run a step in its own task, which a cancellation of the story's tasks does not interrupt."""
        story_task = asyncio.current_task()

        async def attempt_to_its_end() -> Any:
            try:
                answer = await attempt
            except StoryExit as leaving:
                self.guard.leave(leaving, story_task)
                return None
            except Exception as bug:
                self.guard.leave(Misuse(f"{record.name} cannot be done: {type(bug).__name__}: {bug}"), story_task)
                return None
            finally:
                self.guard.under_way -= 1
            self._answers[record.name] = answer
            if answer is not None:
                self._state.answers[record.name] = answer
            return answer

        self.guard.under_way += 1
        answer = await asyncio.shield(asyncio.create_task(attempt_to_its_end()))
        if self.guard.exit is not None:
            raise self.guard.exit
        return answer

    async def _must_succeed(self, step: AnyStep, record: StepRecord, inputs: tuple[Any, ...]) -> Any:
        """Do a step that must succeed. If it cannot once the pivot stands, it waits for a person.

        A step whose effect differs from its request waits for a person even before that.
        """
        kept = self._state.registrar.kept.decision(record.name, undoing=False) if self._state.committed else None
        self._begin(record)
        if kept is not None and self._state.undoer.carry_out(record, kept) is not None:
            return None
        pauses = growing(self._state.policy.parked_interval, LONGEST_PAUSE)
        while True:
            try:
                return await self._answer(step, record, inputs)
            except (Refused, Unwind, Mismatch, Fault) as failure:
                waits = self._state.committed or isinstance(failure, Mismatch)
                if not waits or self.guard.exit is not None:
                    raise self._failed(step, record, failure) from None
                if step.kind is Kind.CHECK:
                    self._log.failed(record, StepState.GAVE_UP, str(failure))
                    return None
                if not self._log.decisions.has(record.name):
                    self._log.parked(record, str(failure), BY_A_PERSON if self._state.committed else DO_BEFORE_PIVOT)
            finally:
                self._log.decisions.retried(record.name)
            if await self._state.undoer.decision(record, next(pauses), lambda: self._stopped) is not None:
                return None

    async def _may_fail(self, step: AnyStep, record: StepRecord, inputs: tuple[Any, ...]) -> Any:
        """Do a step that may fail."""
        self._begin(record)
        try:
            return await self._answer(step, record, inputs)
        except (Refused, Unwind, Mismatch, Fault) as failure:
            if isinstance(failure, Unwind) and not self._state.committed:
                raise self._failed(step, record, failure) from None
            self._log.failed(record, StepState.GAVE_UP, str(failure))
            return None

    def _begin(self, record: StepRecord) -> None:
        self._check_stopped()
        self._log.begin(record, self._state.next_place(), self._fast_path.began(record.name))

    async def _answer(self, step: AnyStep, record: StepRecord, inputs: tuple[Any, ...]) -> Any:
        """A step's answer. Raises Refused, Unwind, Mismatch or Fault."""
        tried = await self._first_attempt(step, record) if self._is_fast(step, record) else None
        if tried is not None:
            answer, at = tried
        else:
            request = step.request(self._state.subject, record.id, *inputs)
            answer, at = await self._durably(step, record, request), None
        self._log.done(record, at)
        return answer

    def _is_fast(self, step: AnyStep, record: StepRecord) -> bool:
        return self._fast_path.takes(step) and record.state is StepState.RUNNING

    async def _first_attempt(self, step: AnyStep, record: StepRecord) -> tuple[Any, Any] | None:
        """The answer of the step's first attempt, and its end, if it succeeded. None after a fault."""
        checkpoint = Checkpoint(self._state.key, self._fast_path.seconds, dict(self._answers), dict(self._waits))
        made = await self._fast_path.attempt(step, record.name, checkpoint)
        record.attempts += 1
        if made.failure is None:
            return made.answer, made.ended
        failure = classify_failure(made.failure)
        if not isinstance(failure, Fault):
            raise failure
        record.last_error = str(failure)
        self._log.happened(
            AttemptFailed, step=record.name, attempt=record.attempts, undoing=False, message=str(failure)
        )
        return None

    async def _durably(self, step: AnyStep, record: StepRecord, request: Any) -> Any:
        policy, decisions = self._state.policy.of(step), self._log.decisions
        must_come_true = self._state.committed and step.kind is not Kind.RETRIABLE
        deadline = policy.undo_patience if must_come_true else policy.step_deadline
        call = start_do(step, record, request, policy, deadline=deadline, retries=retries_of(record, decisions))
        try:
            answer = await answer_of(call, lambda: self._stopped or decisions.has(record.name))
        except (Interrupted, Unreadable) as unknown:
            self._check_stopped()
            raise Fault(str(unknown)) from None
        except ActivityError as error:
            record.attempts += attempts_of(error)
            self._check_stopped()
            raise classify_failure(failure_of(error)) from None
        record.attempts += getattr(answer, "attempts", 1)
        return answer

    def _failed(self, step: AnyStep, record: StepRecord, failure: Refused | Unwind | Mismatch | Fault) -> StoryExit:
        """Return what leaves the story because a step failed before the pivot was known to stand."""
        message = str(failure)
        if isinstance(failure, Refused):
            self._log.refused(record, failure.kind, message)
            return Refused(failure.kind, message, recorded=step.kind is not Kind.CHECK)
        wanted = isinstance(failure, Unwind) and failure.wanted
        self._log.failed(record, StepState.UNKNOWN, message, is_error=not wanted)
        return failure if isinstance(failure, Unwind) else Unwind(f"{record.name} failed: {message}")

    def _returned(self) -> None:
        with suppress(StoryExit):  # the guard knows why the story is left
            self.guard.finished()
            self._check_cancel()
