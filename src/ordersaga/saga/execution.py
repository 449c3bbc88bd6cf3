"""One run of a saga: forward through its steps, or back by undoing them, until nothing is half done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from temporalio import workflow

from ordersaga.saga.activity_calls import Call, Retries, start_undo
from ordersaga.saga.decisions import Decision, PendingDecisions
from ordersaga.saga.definition import ExternalEvent, Policy, Saga, SagaDeclarationError, Step
from ordersaga.saga.effect import UndoOutcome, UndoRequest
from ordersaga.saga.events import (
    OutcomeDecided,
    SagaEnded,
    SagaEvent,
    UnwindBegun,
    WentForward,
)
from ordersaga.saga.exits import Ended, Misuse, NotClaimed, Refused, StoryError, StoryExit, Unwind, check_failure_types
from ordersaga.saga.outcome import Outcome, Phase, Verdict
from ordersaga.saga.register import RegisterState, SagaEnding
from ordersaga.saga.run_state import RunState
from ordersaga.saga.step_state import Decided, StepRecord, StepState
from ordersaga.saga.story_guard import record_name, records_of
from ordersaga.saga.story_run import StoryRun
from ordersaga.saga.undoing import carry_out, wait_until_over_or
from ordersaga.saga.waiting import is_cancelled_itself, wait_until

R = TypeVar("R")
S = TypeVar("S")
V = TypeVar("V")


class SagaRun(Generic[S]):
    """Drives one saga to its end.

    `key` names the run's effects. It is the subject's own id, never the id of a run or an attempt. If the saga has to
    go forward after all, the story runs again from its beginning and gets the stored answers. `on_event` is called with
    every event. `claimed` says that the starter of the run has already claimed the subject in the register.
    """

    def __init__(
        self,
        saga: Saga[S],
        subject: S,
        key: str,
        policy: Policy | None = None,
        on_event: Callable[[SagaEvent], None] = lambda event: None,
        claimed: bool = False,
    ) -> None:
        self._undeclared: SagaDeclarationError | None = None
        records = self._records(saga, subject, key)
        self._state = RunState(saga, subject, key, policy or Policy(), records, on_event, claimed=claimed)
        self.log = self._state.log
        self.phase = Phase.FORWARD
        self.begun = False
        self.outcome: Outcome | None = None
        self.cancelled_natively = False
        self._steps = {step.name: step for step in saga.steps}

    def _records(self, saga: Saga[S], subject: S, key: str) -> list[StepRecord]:
        try:
            return records_of(saga, subject, key)
        except SagaDeclarationError as undeclared:
            self._undeclared = undeclared  # `run` raises it: the SDK cannot handle errors in __init__ well
            return []

    # -- what callers may read and request

    @property
    def saga(self) -> Saga[S]:
        """The saga that this run executes."""
        return self._state.saga

    @property
    def verdict(self) -> Verdict | None:
        """How the saga ends, once that is certain."""
        return self._state.verdict

    @property
    def error(self) -> str | None:
        """Why the saga fails, if it does."""
        return self._state.error

    @property
    def refusal(self) -> str | None:
        """The kind of the refusal that made the saga fail, if one did."""
        return self._state.refusal

    @property
    def cancel_reason(self) -> str | None:
        """The reason of the cancel, if somebody requested one."""
        return self._state.cancel_reason

    @property
    def records(self) -> dict[str, StepRecord]:
        """The state of each step, by the name of its record."""
        return self.log.records

    @property
    def events(self) -> Sequence[SagaEvent]:
        """All events so far."""
        return self.log.events

    @property
    def decisions(self) -> PendingDecisions:
        """The parked steps, and the decisions on them."""
        return self.log.decisions

    @property
    def decided(self) -> Sequence[Decided]:
        """The decisions that were carried out."""
        return self.log.decided

    def ending(self, outcome: Outcome) -> SagaEnding:
        """The details of this end, for the register."""
        found = self._state.ending(outcome.verdict)
        return replace(found, cancelled=outcome.cancelled, error=outcome.error, refusal=outcome.refusal)

    @property
    def needs_attention(self) -> bool:
        """Whether a step cannot finish by itself."""
        return any(record.state is StepState.PARKED for record in self.records.values())

    def cancel(self, reason: str, by: str | None = None) -> None:
        """Request that the saga stops and undoes itself.

        The first reason counts. Has no effect once there is a verdict.
        """
        self._state.cancel(reason, by)

    async def outcome_decided(self) -> Verdict:
        """Wait until it is certain how the saga ends."""
        await wait_until(lambda: self.verdict is not None)
        assert self.verdict is not None
        return self.verdict

    async def resolve(self, decision: Decision) -> None:
        """Carry out a person's decision on a parked step. For an update handler whose validator calls `check`.

        Raises DecisionRefused if the decision is not acceptable now. Raises ApplicationError, which fails the update,
        if the step ended before the decision could be carried out.
        """
        await carry_out(self.decisions, decision)

    async def keep(self, decision: Decision, *, undoing: bool = False) -> None:
        """Store a decision that was made outside the run, on a step or on its undo, in the register."""
        await self._state.registrar.keep(self.records[decision.step], decision, undoing=undoing)

    def deliver(self, event: ExternalEvent[S, V], value: V) -> None:
        """Deliver an event from outside, possibly before the story waits for it. The first value counts."""
        self._state.inbox.deliver(event, value)

    def answer(self, step: Step[S, R], key: str = "") -> R | None:
        """The answer of a step's do, if there is one."""
        return self._state.answers.get(record_name(step, key))

    # -- the run

    async def run(
        self, *, unwind_because: str | None = None, committed: bool = False, registered: bool = True
    ) -> Outcome:
        """Run the story to one of its two ends. No cancellation, native or other, ends it early or stops an undo.

        With `unwind_because`, begin by unwinding: for a run that was cut off and whose progress is unknown. With
        `committed`, only go forward: for a saga whose pivot is known to stand. With `committed`, or without
        `registered`, do not call the register, because the saga may have ended.

        Returns once the workflow's handlers have finished too. Raises StoryError, which fails the workflow task and not
        the workflow, if the story does not match its declaration.
        """
        check_failure_types()
        if self._undeclared is not None:
            raise StoryError(f"{self.saga.name}: {self._undeclared}") from self._undeclared
        if committed or not registered:
            self._state.registrar.ignore()
        if committed:
            self._commit()
        body = asyncio.create_task(self._drive(unwind_because))
        await self._outlast_cancellation(body.done)
        try:
            outcome = body.result()
        except Misuse as misuse:
            raise StoryError(f"{self.saga.name}: {misuse}. Nothing is undone until the story is fixed.") from misuse
        await self._outlast_cancellation(workflow.all_handlers_finished)
        return outcome

    async def _outlast_cancellation(self, condition: Callable[[], bool]) -> None:
        """Wait in the workflow's first task, the only one that Temporal's own cancellation reaches.

        An eviction from the worker's cache also arrives as a cancellation. It has no reason, unless there was a native
        cancel before. In that case the SDK ends the next wait, because it does not let an evicted run wait.
        """
        while not condition():
            try:
                await workflow.wait_condition(condition)
            except asyncio.CancelledError:
                reason = workflow.cancellation_reason()
                if reason is None:
                    raise
                self._cancel_natively(reason)

    def _cancel_natively(self, reason: str) -> None:
        self.cancelled_natively = True
        self.cancel(reason or "cancelled through Temporal")

    async def _drive(self, unwind_because: str | None) -> Outcome:
        self.begun = True
        try:
            ending = await self._run_to_end(unwind_because)
        except Ended as ended:
            self._decide_outcome(ended.verdict)
            ending = ended.ending
        self.phase = Phase.ENDED
        assert self.verdict is not None
        cancelled = self.verdict is Verdict.UNDONE and self.cancel_reason is not None
        self.outcome = Outcome(self.verdict, cancelled, self.error, self.refusal, ending)
        self.log.happened(SagaEnded, verdict=self.verdict)
        return self.outcome

    async def _run_to_end(self, unwind_because: str | None) -> Any:
        """Go forward or back, and return the end that the register already has, if it differs. Raises Ended."""
        if unwind_because is None:
            leaving = await self._run_story()
        else:
            leaving = await self._claim_first() or Unwind(unwind_because)
        while leaving is not None:
            if isinstance(leaving, Ended):
                raise leaving
            if isinstance(leaving, NotClaimed):
                self._state.error, self._state.refusal = str(leaving), leaving.kind
                self._decide_outcome(Verdict.UNDONE)
                return None
            await self._leave_story(leaving)
            if self.verdict is Verdict.UNDONE:
                self._state.closing = True
                return await self._state.registrar.close(Verdict.UNDONE)
            leaving = await self._run_story()
        self._decide_outcome(Verdict.STANDS)
        return None

    async def _claim_first(self) -> StoryExit | None:
        """For a run that begins by unwinding: the reason why it must not unwind, if there is one."""
        if self._state.registrar.kept.claimed:
            return None
        try:
            await self._state.registrar.claim()
        except (NotClaimed, Ended) as leaving:
            return leaving
        return None

    async def _run_story(self) -> StoryExit | None:
        story_run = StoryRun(self._state)
        try:
            return await story_run.run()
        except asyncio.CancelledError:
            if is_cancelled_itself():
                raise
            reason = workflow.cancellation_reason()
            if reason is None:
                raise Misuse("the story let a CancelledError of its own through") from None
            # With the SDK's logic flag 2, the native cancel has ended a wait of the story's own.
            self._cancel_natively(reason)
            return Unwind(f"cancelled: {self.cancel_reason}", wanted=True)

    # -- back

    async def _leave_story(self, leaving: StoryExit) -> None:
        """Undo what may be in effect. After a recorded refusal, no step after the refused one can have an effect."""
        records = list(self.records.values())
        if isinstance(leaving, Refused):
            if leaving.recorded:
                records = self._before_refused(records)
            leaving = Unwind(str(leaving), refusal=leaving.kind)
        assert isinstance(leaving, Unwind)
        await self._unwind(leaving, records)

    def _before_refused(self, records: list[StepRecord]) -> list[StepRecord]:
        """All steps declared up to the refused step and all steps that were begun, without the refused ones."""
        last = max(place for place, each in enumerate(records) if each.state is StepState.REFUSED)
        same = records[last].step
        return [
            each
            for place, each in enumerate(records)
            if each.state is not StepState.REFUSED and (place < last or each.begun is not None or each.step == same)
        ]

    async def _unwind(self, unwind: Unwind, records: list[StepRecord]) -> None:
        """Undo these steps, whether or not the run knows that they began.

        The pivot is undone first. If it stands, nothing else is touched.
        """
        if self._state.committed:
            raise Misuse(f"it was to be unwound, although its pivot stands: {unwind}")
        self.phase = Phase.UNWINDING
        order = self._undo_order(records)
        if order:
            self.log.happened(UnwindBegun, reason=str(unwind))
        registrar = self._state.registrar
        if (await registrar.unwind(str(unwind))).state in (RegisterState.STANDS, RegisterState.FORWARD):
            self._go_forward(None)
            return
        asked: list[asyncio.Task[None]] = []
        for record in (each for each in order if self._is_pivot(each)):
            asked.append(self._start_undo(record, str(unwind)))
            await wait_until_over_or(asked[-1], record, [StepState.UNDO_REQUESTED])
            # An instance whose undo was requested earlier may have become too late in the meantime.
            late = [each for each in order if each.state is StepState.TOO_LATE]
            if late:
                for task in asked:
                    task.cancel()
                await registrar.forward(f"{late[0].name} stands")
                self._go_forward(late[0])
                return
        self._state.error, self._state.refusal = (None if unwind.wanted else str(unwind)), unwind.refusal
        self._decide_outcome(Verdict.UNDONE)
        await self._undo_all([each for each in order if not self._is_pivot(each)], str(unwind))
        for task in asked:
            await task

    def _go_forward(self, late: StepRecord | None) -> None:
        self._commit()
        self.log.happened(WentForward, step=late.name if late else self.log.pivot)

    def _is_pivot(self, record: StepRecord) -> bool:
        return self._steps[record.step] is self.saga.pivot

    def _undo_order(self, records: list[StepRecord]) -> list[StepRecord]:
        """The steps that have an undo, in the reverse order of their starts or, if not begun, their declaration."""
        places = {record.name: place for place, record in enumerate(self.records.values())}
        steps = list(self._steps)
        undoable = [each for each in records if self._steps[each.step].undo is not None]
        return sorted(
            undoable,
            key=lambda each: (steps.index(each.step), each.begun or 0, places[each.name]),
            reverse=True,
        )

    async def _undo_all(self, records: list[StepRecord], reason: str) -> None:
        """Undo one step after the other. A parked or requested undo does not block the next ones."""
        tasks = []
        for record in records:
            tasks.append(self._start_undo(record, reason))
            await wait_until_over_or(tasks[-1], record, [StepState.PARKED, StepState.UNDO_REQUESTED])
        for task in tasks:
            await task

    def _start_undo(self, record: StepRecord, reason: str) -> asyncio.Task[None]:
        return asyncio.create_task(self._undo(record, reason))

    async def _undo(self, record: StepRecord, reason: str) -> None:
        step, owner = self._steps[record.step], self.saga.owner(self._state.subject)
        request = UndoRequest(str(record.id), reason, owner, workflow.info().first_execution_run_id)

        def start(retries: Retries) -> Call:
            assert step.undo is not None, f"{step.name} has no undo"
            return start_undo(step.undo, [request], record, step.title, self._state.policy.of(step), retries=retries)

        def may_stand() -> bool:
            return self.verdict is None  # the pivot is undone before the verdict, all others after it

        undoer = self._state.undoer
        outcome = self._decided_before(record, reason) or await undoer.undo(record, start, reason, may_stand)
        for other in self.records.values():
            if self._steps[other.step].undone_by is step and other.begun is not None:
                self.log.undo_answered(other, outcome, 0, f"undone with {record.name}")

    def _decided_before(self, record: StepRecord, reason: str) -> UndoOutcome | None:
        """A person's decision on an undo from an earlier run, which still applies."""
        kept = self._state.registrar.kept.decision(record.name, undoing=True)
        if kept is None:
            return None
        self.log.undo_begun(record, reason)
        return self._state.undoer.carry_out(record, kept)

    # -- the end

    def _commit(self) -> None:
        self._state.committed = True
        self.phase = Phase.FORWARD
        self._decide_outcome(Verdict.STANDS)

    def _decide_outcome(self, verdict: Verdict) -> None:
        if self.verdict is None:
            self._state.verdict = verdict
            if verdict is Verdict.UNDONE:
                self.decisions.rule_out_going_forward()
            self.log.happened(OutcomeDecided, verdict=verdict)
