"""A register in memory, by the rules that a register has to keep, and sagas that have one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity

from ordersaga.saga import FENCED, Saga, refusal
from ordersaga.saga.register import (
    DecisionNotice,
    KeptDecision,
    Notice,
    Register,
    RegisterState,
    SagaEnding,
    Standing,
)
from tests.workflow.cases import AnyStep, Case
from tests.workflow.journey import World


@dataclass(frozen=True)
class End:
    """What is written at the end."""

    key: str
    verdict: str
    error: str | None = None
    ahead: bool = False


@dataclass
class Page:
    """What a register knows of one saga."""

    state: RegisterState = RegisterState.OPEN
    decisions: list[KeptDecision] = field(default_factory=list)
    ending: dict[str, Any] | None = None
    announced: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)


class MemoryRegister:
    """Pages by key. The world's script says what happens: fault, refuse, slow, lost (written, and no answer)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pages: dict[str, Page] = {}

    @activity.defn
    async def claim(self, case: Case) -> Standing:
        what = await self._happens("claim", case.key)
        if what == "refuse":
            raise refusal("it is another's", "Taken")
        return await self._answer(what, self.pages.setdefault(case.key, Page()))

    @activity.defn
    async def unwind(self, notice: Notice) -> Standing:
        what = await self._happens("unwind", notice.key)
        page = self.pages[notice.key]
        page.announced.append(notice.reason)
        if page.state is RegisterState.OPEN:
            page.state = RegisterState.UNWINDING
        return await self._answer(what, page)

    @activity.defn
    async def forward(self, notice: Notice) -> Standing:
        what = await self._happens("forward", notice.key)
        page = self.pages[notice.key]
        if not page.state.is_end:
            page.state = RegisterState.FORWARD
        return await self._answer(what, page)

    @activity.defn
    async def close(self, end: End) -> Standing:
        what = await self._happens("close", end.key)
        page, written = self.pages[end.key], vars(end)
        if page.ending is None:
            stands = end.verdict == "stands"
            if stands and page.state is RegisterState.UNWINDING:
                raise refusal("it is being undone", FENCED)
            page.state = RegisterState.STANDS if stands else RegisterState.UNDONE
            page.ending = written
        return await self._answer(what, page, written)

    @activity.defn
    async def decide(self, notice: DecisionNotice) -> Standing:
        what = await self._happens("decide", notice.key)
        page = self.pages[notice.key]
        if notice.id not in page.ids:
            page.ids.add(notice.id)
            page.decisions.append(notice.decision)
        return await self._answer(what, page)

    async def _happens(self, call: str, key: str) -> str:
        what = self.world.next(f"{call} -{key}")
        await asyncio.sleep(self.world.LATENCY)
        if what == "slow":
            await self.world.release.wait()
        if what == "fault":
            raise RuntimeError("the register is away")
        return what

    async def _answer(self, what: str, page: Page, written: Any = None) -> Standing:
        if what == "lost":
            raise RuntimeError("written, and not answered")
        return Standing(page.state, list(page.decisions), None if page.ending == written else page.ending)


def _ending(case: Case, ending: SagaEnding) -> End:
    return End(ending.key, str(ending.verdict), ending.error, ending.ahead)


REGISTER = Register[Case](
    claim=MemoryRegister.claim,
    unwind=MemoryRegister.unwind,
    forward=MemoryRegister.forward,
    close=MemoryRegister.close,
    decide=MemoryRegister.decide,
    ending=_ending,
    fast_path=True,
)


def registered(story: Any, *steps: AnyStep) -> Saga[Case]:
    """A saga with a register."""
    return Saga("case", story, *steps, owner=lambda case: f"owner of {case.key}", register=REGISTER)
