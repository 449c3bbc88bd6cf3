"""How a run speaks to its saga's register, if that has one; without one, every answer is what lets the run go on."""

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
    """What the register has told so far: whether the subject was taken on, and what people have decided before."""

    claimed: bool = False
    decisions: dict[tuple[str, bool], KeptDecision] = field(default_factory=dict)

    def decision(self, step: str, *, undoing: bool) -> Decided | None:
        """What was decided about a step, or about its undo, and still holds."""
        kept = self.decisions.get((step, undoing))
        if kept is None:
            return None
        return Decided(Decision(kept.step, kept.choice, kept.by, kept.note), kept.at)


class _Strangers(Exception):
    """The register has another owner's subject under the key: this one was never taken on."""


def _never() -> bool:
    return False


class Registrar(Generic[S]):
    """The calls to a register, each repeated until it is answered."""

    def __init__(self, run: RunState[S], register: Register[S] | None) -> None:
        self._run = run
        self._register = register
        self._written = 0
        self.kept = Kept()

    @property
    def register(self) -> Register[S] | None:
        """The saga's register, if this run speaks to one."""
        return self._register

    def trust(self) -> None:
        """Whoever has started the run had the subject taken on before."""
        self.kept.claimed = True

    def ignore(self) -> None:
        """Speak to no register from now on: the saga has ended, and the run does what is left of it."""
        self._register = None

    async def claim(self) -> Standing:
        """Have the subject taken on. Raises NotClaimed."""
        if self._register is None:
            return _NO_REGISTER
        try:
            return self.claimed(await self._call(CLAIM, self._register.claim, self._run.subject, takes=Refused))
        except Refused as refused:
            raise NotClaimed(refused.kind, str(refused)) from None

    def claimed(self, standing: Standing) -> Standing:
        """The subject was taken on. Raises Ended if the saga has ended before."""
        self.kept.claimed = True
        self._heard(standing)
        if standing.state.is_end:
            raise Ended(_verdict(standing), standing.ending)
        return standing

    async def unwind(self, reason: str) -> Standing:
        """Announce that the saga is to be undone. Raises Ended if it has ended undone before."""
        if self._register is None:
            return _NO_REGISTER
        standing = await self._told(UNWIND, self._register.unwind, self._notice(reason))
        if standing.state is RegisterState.UNDONE:
            raise Ended(Verdict.UNDONE, standing.ending)
        return standing

    async def forward(self, reason: str) -> None:
        """Announce that the pivot stands."""
        if self._register is not None:
            await self._told(FORWARD, self._register.forward, self._notice(reason))

    async def close(self, verdict: Verdict, is_stopped: Callable[[], bool] = _never) -> Any:
        """Write the end, and return what is written there instead, if something was there before.

        Raises Unwind if another run undoes the saga, and Interrupted.
        """
        if self._register is None:
            return None
        request = self._register.ending(self._run.subject, self._run.ending(verdict))
        if verdict is Verdict.UNDONE:  # what is undone is undone, whatever the register says
            return (await self._told(CLOSE, self._register.close, request)).ending
        try:
            return self._heard(await self._call(CLOSE, self._register.close, request, is_stopped, takes=Unwind)).ending
        except _Strangers as strangers:
            raise Unwind(str(strangers)) from None

    async def keep(self, record: StepRecord, decision: Decision, *, undoing: bool = False) -> None:
        """Write a decision that is about to be carried out: on the step's undo if that waits, or if it says so."""
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
        await self._told(f"(decide {notice.id})", self._register.decide, notice)

    # -- how

    async def _told(self, name: str, activity: Callable[..., Any], argument: Any) -> Standing:
        """What the register answers. Where it has another's subject, it has nothing to say about this one."""
        try:
            return self._heard(await self._call(name, activity, argument))
        except _Strangers:
            return _NO_REGISTER

    def _notice(self, reason: str) -> Notice:
        return Notice(self._run.key, self._run.saga.owner(self._run.subject), reason)

    def _heard(self, standing: Standing) -> Standing:
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
        takes: type[StoryExit] | None = None,
    ) -> Standing:
        """What the register answers, however long that takes. Raises Interrupted.

        A no of the kind that it `takes` is raised. After any other, the register is asked again.
        """
        pauses = growing(_PAUSE, LONGEST_PAUSE)
        while True:
            call = self._start(name, activity, argument)
            try:
                standing: Standing = await answer_of(call, is_stopped)
                return standing
            except Unreadable:
                pass  # somebody has completed it by hand
            except ActivityError as error:
                if is_stopped():
                    raise Interrupted("it was ended early") from None
                failure = classify_failure(failure_of(error))
                if isinstance(failure, Refused) and failure.kind == UNCLAIMED and name != CLAIM:
                    await self._claim_again()
                    continue
                if isinstance(failure, Refused) and failure.kind == NOT_YOURS and name != CLAIM:
                    raise self._strangers("the register has another's under this key") from None
                if takes is not None and isinstance(failure, takes):
                    raise failure from None
            await asyncio.sleep(next(pauses).total_seconds())

    async def _claim_again(self) -> None:
        """Have a subject taken on that the register has lost. Raises Ended; and _Strangers if it is turned away now."""
        try:
            await self.claim()
        except NotClaimed as refused:
            raise self._strangers(str(refused)) from None

    def _strangers(self, message: str) -> _Strangers:
        self.ignore()
        return _Strangers(message)

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
