"""How a run calls its saga's register. Without a register, every answer lets the run continue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

from ordersaga.saga.activity_calls import (
    DO,
    LONGEST_PAUSE,
    Call,
    Unreadable,
    answer_of,
    classify_failure,
    failure_of,
    read_answer,
)
from ordersaga.saga.decisions import Choice, Decision
from ordersaga.saga.definition import NOT_YOURS
from ordersaga.saga.exits import Ended, Interrupted, NotClaimed, Refused, StoryExit, Unwind
from ordersaga.saga.first_attempts import registered_name
from ordersaga.saga.outcome import Verdict
from ordersaga.saga.register import (
    CLAIM,
    CLOSE,
    FORWARD,
    UNCLAIMED,
    UNWIND,
    DecisionNotice,
    KeptDecision,
    Notice,
    Register,
    RegisterState,
    Standing,
)
from ordersaga.saga.step_state import Decided, StepRecord
from ordersaga.saga.waiting import growing

if TYPE_CHECKING:
    from ordersaga.saga.run_state import RunState

S = TypeVar("S")

_PAUSE = timedelta(seconds=1)
_NO_REGISTER = Standing(RegisterState.OPEN)


@dataclass
class Kept:
    """What the register has answered so far: whether it accepted the subject, and earlier decisions."""

    claimed: bool = False
    decisions: dict[tuple[str, bool], KeptDecision] = field(default_factory=dict)

    def decision(self, step: str, *, undoing: bool) -> Decided | None:
        """The decision about a step, or about its undo, that still applies."""
        kept = self.decisions.get((step, undoing))
        if kept is None:
            return None
        return Decided(Decision(kept.step, kept.choice, kept.by, kept.note), kept.at)


class _ForeignSubject(Exception):
    """The register has another owner's subject under this key. It has never accepted this one."""


def _never() -> bool:
    return False


class Registrar(Generic[S]):
    """The calls to a register. Each is repeated until it succeeds."""

    def __init__(self, run: RunState[S], register: Register[S] | None) -> None:
        self._run = run
        self._register = register
        self._written = 0
        self.kept = Kept()

    @property
    def register(self) -> Register[S] | None:
        """The saga's register, if this run uses one."""
        return self._register

    def mark_claimed(self) -> None:
        """Record that the starter of the run has already claimed the subject."""
        self.kept.claimed = True

    def ignore(self) -> None:
        """Call no register from now on: the saga has ended, and the run does what is left to do."""
        self._register = None

    async def claim(self) -> Standing:
        """Claim the subject. Raises NotClaimed."""
        if self._register is None:
            return _NO_REGISTER
        try:
            return self.claimed(await self._call(CLAIM, self._register.claim, self._run.subject, raises=Refused))
        except Refused as refused:
            raise NotClaimed(refused.kind, str(refused)) from None

    def claimed(self, standing: Standing) -> Standing:
        """Record that the subject is claimed. Raises Ended if the saga has already ended."""
        self.kept.claimed = True
        self._apply(standing)
        if standing.state.is_end:
            raise Ended(_verdict(standing), standing.ending)
        return standing

    async def unwind(self, reason: str) -> Standing:
        """Announce that the saga will be undone. Raises Ended if it has already ended as undone."""
        if self._register is None:
            return _NO_REGISTER
        standing = await self._ask(UNWIND, self._register.unwind, self._notice(reason))
        if standing.state is RegisterState.UNDONE:
            raise Ended(Verdict.UNDONE, standing.ending)
        return standing

    async def forward(self, reason: str) -> None:
        """Announce that the pivot stands."""
        if self._register is not None:
            await self._ask(FORWARD, self._register.forward, self._notice(reason))

    async def close(self, verdict: Verdict, is_stopped: Callable[[], bool] = _never) -> Any:
        """Write the end, and return the stored end instead if there was one before.

        Raises Unwind if another run undoes the saga, and Interrupted.
        """
        if self._register is None:
            return None
        request = self._register.ending(self._run.subject, self._run.ending(verdict))
        if verdict is Verdict.UNDONE:  # what is undone stays undone, whatever the register answers
            return (await self._ask(CLOSE, self._register.close, request)).ending
        try:
            return self._apply(await self._call(CLOSE, self._register.close, request, is_stopped, raises=Unwind)).ending
        except _ForeignSubject as foreign:
            raise Unwind(str(foreign)) from None

    async def keep(self, record: StepRecord, decision: Decision, *, undoing: bool = False) -> None:
        """Store a decision that is about to be carried out.

        It is about the step's undo if the undo is parked or `undoing` is set, otherwise about the step.
        """
        if self._register is None:
            return
        self._written += 1
        undone = undoing or record.undoing
        kept = KeptDecision(decision.step, decision.choice, decision.by, workflow.now(), decision.note, undone)
        notice = DecisionNotice(
            self._run.key,
            self._run.saga.owner(self._run.subject),
            f"{workflow.info().run_id}-{record.name}-{self._written}",
            kept,
        )
        await self._ask(f"(decide {notice.id})", self._register.decide, notice)

    # -- helpers

    async def _ask(self, name: str, activity: Callable[..., Any], argument: Any) -> Standing:
        """Call the register. If it has another owner's subject under the key, it has no answer for this one."""
        try:
            return self._apply(await self._call(name, activity, argument))
        except _ForeignSubject:
            return _NO_REGISTER

    def _notice(self, reason: str) -> Notice:
        return Notice(self._run.key, self._run.saga.owner(self._run.subject), reason)

    def _apply(self, standing: Standing) -> Standing:
        for kept in standing.decisions:
            if kept.choice is not Choice.RETRY:
                self.kept.decisions[kept.step, kept.undoing] = kept
        return standing

    async def _call(
        self,
        name: str,
        activity: Callable[..., Any],
        argument: Any,
        is_stopped: Callable[[], bool] = _never,
        *,
        raises: type[StoryExit] | None = None,
    ) -> Standing:
        """Call the register, however long it takes to get an answer. Raises Interrupted.

        A refusal of the type `raises` is raised. After any other refusal, the register is asked again.
        """
        pauses = growing(_PAUSE, LONGEST_PAUSE)
        while True:
            call = self._start(name, activity, argument)
            try:
                standing: Standing = await answer_of(call, is_stopped)
                return standing
            except Unreadable:
                pass  # somebody completed the activity by hand
            except ActivityError as error:
                if is_stopped():
                    raise Interrupted("it was ended early") from None
                failure = classify_failure(failure_of(error))
                if isinstance(failure, Refused) and failure.kind == UNCLAIMED and name != CLAIM:
                    await self._claim_again()
                    continue
                if isinstance(failure, Refused) and failure.kind == NOT_YOURS and name != CLAIM:
                    raise self._foreign_subject("the register has another's under this key") from None
                if raises is not None and isinstance(failure, raises):
                    raise failure from None
            await asyncio.sleep(next(pauses).total_seconds())

    async def _claim_again(self) -> None:
        """Claim a subject again that the register has lost.

        Raises Ended, or _ForeignSubject if the register rejects it now.
        """
        try:
            await self.claim()
        except NotClaimed as refused:
            raise self._foreign_subject(str(refused)) from None

    def _foreign_subject(self, message: str) -> _ForeignSubject:
        self.ignore()
        return _ForeignSubject(message)

    def _start(self, name: str, activity: Callable[..., Any], argument: Any) -> Call:
        handle = workflow.start_activity(
            registered_name(activity),
            argument,
            result_type=RawValue,
            activity_id=name.strip("()"),
            start_to_close_timeout=self._run.policy.call_timeout,
            retry_policy=DO,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=f"register: {name.strip('()').partition(' ')[0]}",
        )
        return Call(handle, partial(read_answer, Standing))


def _verdict(standing: Standing) -> Verdict:
    return Verdict.STANDS if standing.state is RegisterState.STANDS else Verdict.UNDONE
