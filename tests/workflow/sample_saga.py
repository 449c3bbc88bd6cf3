"""A saga of four steps in a scripted world: what the tests of the engine run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.saga import (
        FENCED,
        ID_TAKEN,
        NOT_YOURS,
        Decision,
        EffectId,
        Kind,
        Policy,
        Saga,
        SagaContext,
        SagaRun,
        Step,
        UndoOutcome,
        UndoRequest,
        UndoResult,
        first_attempts,
        refusal,
    )
    from ordersaga.saga.waiting import wait_until


@dataclass(frozen=True)
class SampleInput:
    """The key of the saga, and its policy in seconds."""

    key: str
    fast_path: float = 1.0
    step_deadline: float = 1.0
    undo_patience: float = 1.0
    hold: float = 0.0
    parked_interval: float = 0.5


REFUSALS = {
    "refuse": ("no", "Refused"),
    ID_TAKEN: ("another is here", ID_TAKEN),
    NOT_YOURS: ("another is here", NOT_YOURS),
}


@dataclass
class World:
    """Effects and tombstones, and a script for the first attempts of a call: `script["do pay-1"] = ["fault"]`.

    Possible behaviors: fault (nothing done), lost (done, but no answer), slow (done, answered after `release`), lag
    (done, answered after LAG seconds), refuse, other answers of a fence (ID_TAKEN, NOT_YOURS), late (the undo comes too
    late), requested (the undo becomes final later), ok.
    """

    LAG: ClassVar[float] = 0.4
    LATENCY: ClassVar[float] = 0.005
    """No service answers at once. If one did, it could end a local activity while a query is answered. The SDK's core
    then delivers its result in another task than a replay does."""

    effects: list[str] = field(default_factory=list)
    tombstones: set[str] = field(default_factory=set)
    script: dict[str, list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    owners: set[str] = field(default_factory=set)
    """The owners that undos have named."""
    release: asyncio.Event = field(default_factory=asyncio.Event)

    def next(self, call: str) -> str:
        """What happens now. The last behavior in a script repeats."""
        self.calls.append(call)
        script = self.script.get(call, ["ok"])
        return script.pop(0) if len(script) > 1 else script[0]

    @activity.defn
    async def do_step(self, effect_id: str) -> str:
        """Take effect once, unless scripted otherwise."""
        what = self.next(f"do {effect_id}")
        await asyncio.sleep(self.LATENCY)
        no = ("an undo has been there", FENCED) if effect_id in self.tombstones else REFUSALS.get(what)
        if no is not None:
            raise refusal(*no)
        if what == "fault":
            raise RuntimeError("broken before the effect")
        if effect_id not in self.effects:
            self.effects.append(effect_id)
        if what == "lost":
            raise RuntimeError("broken after the effect")
        if what == "slow":
            await self.release.wait()
        if what == "lag":
            await asyncio.sleep(self.LAG)
        return f"answer of {effect_id}"

    @activity.defn
    async def undo_step(self, undo: UndoRequest) -> UndoResult:
        """Undo an effect, unless scripted otherwise."""
        self.owners.add(undo.owner)
        what = self.next(f"undo {undo.id}")
        if what == "fault":
            raise RuntimeError("the undo is broken")
        if what == "refuse":
            raise refusal("never", "Refused")
        if what == NOT_YOURS:
            raise refusal("another is here", NOT_YOURS)
        if what == "slow":
            await self.release.wait()
        if what == "late":
            return UndoResult(UndoOutcome.TOO_LATE)
        if what == "requested":
            return UndoResult(UndoOutcome.REQUESTED)
        self.tombstones.add(undo.id)
        if undo.id not in self.effects:
            return UndoResult(UndoOutcome.NOTHING_TO_UNDO)
        self.effects.remove(undo.id)
        return UndoResult(UndoOutcome.UNDONE)


def effect(sample: SampleInput, effect_id: EffectId) -> str:
    """The request to the world: the effect's id."""
    return effect_id


def mail(sample: SampleInput, effect_id: EffectId, parcel: str | None) -> str:
    """The email contains the parcel."""
    return effect_id if parcel == f"answer of shp-{sample.key}" else f"blank-{sample.key}"


STOCK = Step("stock", prefix="rsv", request=effect, do=World.do_step, undo=World.undo_step, fast_path=True)
MONEY = Step("money", prefix="pay", request=effect, do=World.do_step, undo=World.undo_step, fast_path=True)
PARCEL = Step(
    "parcel",
    prefix="shp",
    request=effect,
    do=World.do_step,
    undo=World.undo_step,
    kind=Kind.PIVOT,
    fast_path=True,
)
MAIL = Step(
    "mail",
    prefix="msg",
    request=mail,
    do=World.do_step,
    undo=World.undo_step,
    kind=Kind.RETRIABLE,
    fast_path=True,
)


async def story(sample: SampleInput, saga: SagaContext[SampleInput]) -> None:
    """Do all four steps."""
    await saga.do(STOCK)
    await saga.do(MONEY)
    await saga.hold(timedelta(seconds=sample.hold))
    parcel = await saga.do(PARCEL)
    await saga.try_step(MAIL, parcel)


SAGA = Saga("journey", story, STOCK, MONEY, PARCEL, MAIL)


def activities_of(world: World) -> list[Callable[..., Any]]:
    """The activities that a worker for this world needs."""
    activities: list[Callable[..., Any]] = [world.do_step, world.undo_step]
    return [*activities, first_attempts(SAGA, activities)]


@workflow.defn
class SampleWorkflow:
    """Runs the four steps, and returns how it ended."""

    @workflow.init
    def __init__(self, sample: SampleInput) -> None:
        self.sample = sample
        policy = Policy(
            call_timeout=timedelta(seconds=5),
            step_deadline=timedelta(seconds=sample.step_deadline),
            undo_patience=timedelta(seconds=sample.undo_patience),
            parked_interval=timedelta(seconds=sample.parked_interval),
            fast_path=timedelta(seconds=sample.fast_path),
        )
        self.saga = SagaRun(SAGA, sample, sample.key, policy)

    @workflow.run
    async def run(self, sample: SampleInput) -> str:
        """Run to the end, and return the verdict, and whether it was cancelled."""
        outcome = await self.saga.run()
        return f"{outcome.verdict} cancelled" if outcome.cancelled else str(outcome.verdict)

    @workflow.signal
    def cancel(self, reason: str) -> None:
        """Cancel it."""
        self.saga.cancel(reason)

    @workflow.update
    async def request_cancel(self, reason: str) -> str:
        """Cancel it, and return the verdict."""
        self.saga.cancel(reason)
        return await self.saga.outcome_decided()

    @workflow.update
    async def resolve(self, decision: Decision) -> None:
        """Carry out a decision."""
        await self.saga.resolve(decision)

    @resolve.validator
    def _check(self, decision: Decision) -> None:
        self.saga.decisions.check(decision)

    @workflow.update
    async def linger(self) -> str:
        """Take a second to answer, even if the saga ends meanwhile."""
        await wait_until(lambda: self.saga.outcome is not None)
        await wait_until(lambda: False, timedelta(seconds=1))
        return "lingered"

    @workflow.query
    def happened(self) -> list[str]:
        """The kinds of the events, with their messages."""
        return [" ".join([type(each).__name__, getattr(each, "message", "")]).strip() for each in self.saga.events]

    @workflow.query
    def states(self) -> dict[str, str]:
        """The state of each step."""
        return {name: str(record.state) for name, record in self.saga.records.items()}
