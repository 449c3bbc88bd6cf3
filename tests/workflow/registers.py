"""A register whose calls fail as scripted, and sagas that use it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from temporalio import activity

from ordersaga.saga import NOT_YOURS, UNCLAIMED, DecisionNotice, Notice, Register, Saga, SagaEnding, Standing, refusal
from ordersaga.testing.sagas.register import Page
from tests.workflow.cases import AnyStep, Case
from tests.workflow.sample_saga import World


@dataclass(frozen=True)
class End:
    """What is written at the end."""

    key: str
    verdict: str
    error: str | None = None
    ahead: bool = False


class ScriptedRegister:
    """A page per key. The world's script decides: fault, refuse, slow, lost (written, but no answer).

    NotYours and Unclaimed are its answers.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.pages: dict[str, Page] = {}
        self.announced: list[str] = []

    @activity.defn
    async def claim(self, case: Case) -> Standing:
        what = await self._happens("claim", case.key)
        if what == "refuse":
            raise refusal("it is another's", "Taken")
        return self._answered(what, self.pages.setdefault(case.key, Page()).standing())

    @activity.defn
    async def unwind(self, notice: Notice) -> Standing:
        what = await self._happens("unwind", notice.key)
        self.announced.append(notice.reason)
        return self._answered(what, self.pages[notice.key].unwind())

    @activity.defn
    async def forward(self, notice: Notice) -> Standing:
        what = await self._happens("forward", notice.key)
        return self._answered(what, self.pages[notice.key].forward())

    @activity.defn
    async def close(self, end: End) -> Standing:
        what = await self._happens("close", end.key)
        return self._answered(what, self.pages[end.key].close(vars(end), stands=end.verdict == "stands"))

    @activity.defn
    async def decide(self, notice: DecisionNotice) -> Standing:
        what = await self._happens("decide", notice.key)
        return self._answered(what, self.pages[notice.key].decide(notice))

    async def _happens(self, call: str, key: str) -> str:
        what = self.world.next(f"{call} -{key}")
        await asyncio.sleep(self.world.LATENCY)
        if what == "slow":
            await self.world.release.wait()
        if what == "fault":
            raise RuntimeError("the register is away")
        if what in (NOT_YOURS, UNCLAIMED):
            raise refusal("it is another's", what)
        return what

    def _answered(self, what: str, standing: Standing) -> Standing:
        if what == "lost":
            raise RuntimeError("written, and not answered")
        return standing


def _ending(case: Case, ending: SagaEnding) -> End:
    return End(ending.key, str(ending.verdict), ending.error, ending.ahead)


REGISTER = Register[Case](
    claim=ScriptedRegister.claim,
    unwind=ScriptedRegister.unwind,
    forward=ScriptedRegister.forward,
    close=ScriptedRegister.close,
    decide=ScriptedRegister.decide,
    ending=_ending,
    fast_path=True,
)


def registered(story: Any, *steps: AnyStep) -> Saga[Case]:
    """A saga with a register."""
    return Saga("case", story, *steps, owner=lambda case: f"owner of {case.key}", register=REGISTER)
