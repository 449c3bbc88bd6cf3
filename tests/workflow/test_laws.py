"""The law of every saga: its verdict and the world agree, whatever its steps are and whatever fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from ordersaga.saga import Choice, DecisionRefused, Kind, Saga, SagaContext, StepView
from tests.workflow.cases import AnyStep, Case, CaseRunner, CaseWorkflow, case_runner, step

AT_ONCE = 8
"""Sagas of one example run concurrently, because they wait most of the time."""
END_SECONDS = 40
QUICK = {"step_deadline": 0.3, "undo_patience": 0.3, "parked_interval": 0.1, "requested_interval": 0.1}
DOES = [["ok"], ["ok"], ["ok"], ["refuse"], ["fault", "ok"], ["lost", "ok"], ["fault"], ["lost"]]
UNDOS = [["ok"], ["ok"], ["fault", "ok"], ["refuse", "ok"], ["requested", "ok"], ["fault"], ["refuse"]]
SETTLED = ("done_by_hand", "written_off")
_numbers = count(1)


@dataclass(frozen=True)
class DrawnStep:
    """One step, and the behavior of its do and its undo, and of those of its second instance, if it has several."""

    kind: Kind
    fast: bool
    instances: int
    side_by_side: bool
    does: Sequence[Sequence[str]]
    undos: Sequence[Sequence[str]]


@dataclass(frozen=True)
class DrawnSaga:
    """A saga, the step at whose beginning it is cancelled, the kind of cancel, and the decision on what is parked."""

    steps: Sequence[DrawnStep]
    cancel_at: int | None
    natively: bool
    choice: Choice


@st.composite
def steps_of(draw: st.DrawFn) -> list[DrawnStep]:
    """Kinds in an order that a saga may have."""
    before = draw(st.lists(st.sampled_from([Kind.COMPENSATABLE, Kind.COMPENSATABLE, Kind.CHECK]), max_size=3))
    pivot = draw(st.sampled_from([[], [Kind.PIVOT], [Kind.PIVOT, Kind.REQUIRED]]))
    after = draw(st.lists(st.just(Kind.RETRIABLE), max_size=1))
    kinds = [*before, *pivot, *after] or [Kind.COMPENSATABLE]
    return [draw(drawn_step(kind)) for kind in kinds]


def drawn_step(kind: Kind) -> st.SearchStrategy[DrawnStep]:
    """A step of this kind."""
    undos = [*UNDOS, ["late"], ["late"]] if kind is Kind.PIVOT else UNDOS
    return st.builds(
        DrawnStep,
        kind=st.just(kind),
        fast=st.booleans(),
        instances=st.sampled_from([0, 0, 2]) if kind is not Kind.RETRIABLE else st.just(0),
        side_by_side=st.booleans(),
        does=st.lists(st.sampled_from(DOES), min_size=2, max_size=2),
        undos=st.lists(st.sampled_from(undos), min_size=2, max_size=2),
    )


SAGAS = st.builds(
    DrawnSaga,
    steps=steps_of(),
    cancel_at=st.none() | st.integers(0, 4),
    natively=st.booleans(),
    choice=st.sampled_from(list(Choice)),
)


class DrawnSagaRun:
    """One drawn saga from its beginning to its end."""

    def __init__(self, drawn: DrawnSaga, case: CaseRunner) -> None:
        self.drawn, self.case = drawn, case
        self.retried: set[str] = set()
        self.steps = [self._declared(place, each) for place, each in enumerate(drawn.steps)]
        for place, each in enumerate(drawn.steps):
            for number in range(max(1, each.instances)):
                suffix = f"__{number + 1}" if each.instances else ""
                case.given(**{f"do_s{place}{suffix}": list(each.does[number])})
                case.given(**{f"undo_s{place}{suffix}": list(each.undos[number])})

    async def live(self) -> list[str]:
        """Run it, and return how it breaks the law at the end."""
        handle = await self.case.start(Saga("case", self.story, *self.steps), **QUICK)
        cancelling = asyncio.create_task(self._cancel(handle))
        deciding = asyncio.create_task(self._decide())
        try:
            outcome = await asyncio.wait_for(handle.result(), END_SECONDS)
        except TimeoutError:
            return [f"it does not end: {await self.case.client.status()}"]
        finally:
            deciding.cancel()
            cancelling.cancel()
            await asyncio.gather(deciding, cancelling, return_exceptions=True)
        return self._broken(outcome, await self.case.states())

    async def story(self, case: Case, saga: SagaContext[Case]) -> None:
        """All steps, one after the other."""
        for each, drawn in zip(self.steps, self.drawn.steps, strict=True):
            if drawn.kind is Kind.RETRIABLE:
                await saga.try_step(each)
            elif not drawn.instances:
                await saga.do(each)
            elif drawn.side_by_side:
                await saga.do_all(each)
            else:
                for number in range(drawn.instances):
                    await saga.do(each, key=str(number + 1))

    def _declared(self, place: int, drawn: DrawnStep) -> AnyStep:
        keys = [str(number + 1) for number in range(drawn.instances)]
        return step(
            f"s{place}",
            drawn.kind,
            undoable=drawn.kind is not Kind.CHECK,
            fast_path=drawn.fast,
            keys=(lambda case: keys) if keys else None,
        )

    async def _cancel(self, handle: WorkflowHandle[Any, Any]) -> None:
        if self.drawn.cancel_at is None or self.drawn.cancel_at >= len(self.steps):
            return
        call = f"do s{self.drawn.cancel_at}"
        await self.case.has(lambda: any(each.startswith(call) for each in self.case.calls))
        with contextlib.suppress(RPCError):  # it has ended
            if self.drawn.natively:
                await handle.cancel()
            else:
                await handle.signal(CaseWorkflow.cancel, "no more")

    async def _decide(self) -> None:
        """Decide on what is parked, as drawn. A retry succeeds."""
        await self.case.has(lambda: bool(self.case.calls))
        while True:
            with contextlib.suppress(RPCError):  # a query may have to wait too long for a task
                for parked in await self.case.client.parked():
                    await self._resolve(parked)
            await asyncio.sleep(0.05)

    async def _resolve(self, parked: StepView) -> None:
        choice = self.drawn.choice if self.drawn.choice in parked.choices else Choice.WRITE_OFF
        if choice is Choice.RETRY:
            if parked.name in self.retried:  # such as a do that has been undone, and is fenced permanently
                choice = Choice.WRITE_OFF
            self.retried.add(parked.name)
            self.case.world.script[f"{'undo' if parked.undoing else 'do'} {parked.id}"] = ["ok"]
        with contextlib.suppress(DecisionRefused):
            await self.case.client.resolve(parked.name, choice, "Ada", "as drawn")

    def _broken(self, outcome: str, states: dict[str, str]) -> list[str]:
        checks = [f"s{place}" for place, each in enumerate(self.drawn.steps) if each.kind is Kind.CHECK]
        kept = {name: state for name, state in states.items() if name.partition("[")[0] not in checks}
        live = {name for name in kept if self._effect(name) in self.case.world.effects}
        if outcome.startswith("undone"):
            return [f"{outcome}, and {name} is live: {kept[name]}" for name in live if kept[name] not in SETTLED]
        must = {name for name, state in kept.items() if state == "done"}
        return [f"{outcome}, and {name} is not live" for name in must - live] + [
            f"{outcome}, and {name} is {state}"
            for name, state in kept.items()
            if state not in (*SETTLED, "done", "gave_up")
        ]

    def _effect(self, name: str) -> str:
        place, _, key = name.rstrip("]").partition("[")
        return "-".join(filter(None, [place, self.case.key, key]))


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(SAGAS, min_size=AT_ONCE, max_size=AT_ONCE))
async def test_the_verdict_and_the_world_agree(temporal: Client, drawn: list[DrawnSaga]) -> None:
    async with case_runner(temporal, f"laws-{next(_numbers)}") as shared:
        lives = []
        for each in drawn:
            key = f"law{next(_numbers)}"
            lives.append(DrawnSagaRun(each, CaseRunner(temporal, shared.world, shared.outside, key, shared.queue)))
        broken = await asyncio.gather(*(life.live() for life in lives))

    failures = [f"{life.drawn}\n    {found}" for life, found in zip(lives, broken, strict=True) if found]
    assert not failures, "\n".join(failures)


async def test_the_law_is_broken_by_an_effect_that_stays(temporal: Client, order_id: str) -> None:
    """The checker can fail."""
    refused = DrawnStep(Kind.COMPENSATABLE, True, 0, False, [["refuse"]], [["ok"]])
    good = DrawnStep(Kind.COMPENSATABLE, True, 0, False, [["ok"]], [["ok"]])
    async with case_runner(temporal, order_id) as case:
        life = DrawnSagaRun(DrawnSaga([good, refused], None, False, Choice.RETRY), case)
        assert await life.live() == []
        case.world.effects.append(f"s0-{order_id}")
        assert life._broken("undone", await case.states()) == ["undone, and s0 is live: undone"]
