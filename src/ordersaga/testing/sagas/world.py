"""The simulated outside world of a saga, in memory: effects, tombstones, stored refusals, and scripted faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity

from ordersaga.saga import ExternalEvent, Saga, Step, UndoRequest, UndoResult, first_attempts
from ordersaga.saga.first_attempts import registered_name
from ordersaga.testing.sagas.effects import Effect, Effects
from ordersaga.testing.sagas.ids import EffectIds
from ordersaga.testing.sagas.register import MemoryRegister
from ordersaga.testing.sagas.samples import answer_type, parameter_type, sample
from ordersaga.testing.sagas.script import Do, Undo

AnyStep = Step[Any, Any, *tuple[Any, ...]]
Answers = Mapping[AnyStep | ExternalEvent[Any, Any], Callable[[Any], Any]]
"""For each step or event, a function from the request to the answer of its do or poll."""


@dataclass
class Gate:
    """Holds the first call of a step, after its effect and before its answer."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it to release the answer."""


class World:
    """Does a saga's steps as scripted, and stores the outcome under each id.

    It makes the saga's activities from its declaration, under their real names. It finds an effect's id in the request:
    the request itself, or the only field that begins with the step's prefix. Otherwise pass `id_of`. An answer is a
    sample of the declared type, unless `answers` has a function for the step. `slow` is in seconds.
    """

    def __init__(
        self,
        saga: Saga[Any],
        *,
        id_of: Callable[[Any], str] | None = None,
        answers: Answers | None = None,
        slow: float = 1.0,
    ) -> None:
        self.saga = saga
        self.slow = slow
        self.calls: list[str] = []
        """All calls in order: `do flt-1`, `undo flt-1`."""
        self.misuses: list[str] = []
        """Requests to the world that no saga may make."""
        self.effects = Effects(EffectIds(saga, id_of))
        self.register = MemoryRegister()
        self._answers = dict(answers or {})
        self._script: dict[str, Sequence[Do | Undo]] = {}
        self._gates: dict[str, Gate] = {}
        for step in saga.steps:
            if step not in self._answers:
                sample(answer_type(step.do), "")

    # -- the script

    def given(self, step: AnyStep, *, do: Sequence[Do] = (), undo: Sequence[Undo] = (), key: str = "") -> None:
        """Script the calls of a step, or of one instance of it. The last behavior repeats.

        `world.given(HOTEL, do=[Do.LOST, Do.OK])`: the first answer is lost, and all others arrive.
        """
        name = f"{step.name}[{key}]" if key else step.name
        self._script |= {f"do {name}": do} if do else {}
        self._script |= {f"undo {name}": undo} if undo else {}

    def stop_faults(self) -> None:
        """From now on, nothing fails."""
        self._script.clear()

    def gate(self, verb: str, step: AnyStep) -> Gate:
        """Hold the first `do` or `undo` of a step."""
        return self._gates.setdefault(f"{verb} {step.name}", Gate())

    # -- state

    @property
    def live(self) -> list[str]:
        """The ids of the live effects."""
        return self.effects.live

    def count(self, verb: str, step: AnyStep) -> int:
        """The number of calls of the do or the undo of a step, for all instances together."""
        effects = [each for each in self.effects if each.step == step.name]
        return sum(each.dos if verb == "do" else each.undos for each in effects)

    # -- the activities

    def activities(self, *real: Callable[..., Any]) -> list[Callable[..., Any]]:
        """All activities that a worker of the saga needs: dos, undos, polls, its register, and the first attempts.

        A `real` activity replaces the world's activity of the same name.
        """
        made = {registered_name(each): each for each in real}
        for step in self.saga.steps:
            made.setdefault(registered_name(step.do), self._make_do(step.do))
            if step.undo is not None:
                made.setdefault(registered_name(step.undo), self._make_undo(step.undo))
        for event in self.saga.events:
            if event.poll is not None:
                made.setdefault(registered_name(event.poll), self._make_poll(event))
        if self.saga.register is not None:
            for each in self.register.activities(self.saga.register):
                made.setdefault(registered_name(each), each)
        activities = list(made.values())
        if any(step.fast_path for step in self.saga.steps):
            activities.append(first_attempts(self.saga, activities))
        return activities

    def _make_do(self, real: Callable[..., Any]) -> Callable[..., Any]:
        async def do(request: Any) -> Any:
            return await self._do(registered_name(real), request)

        do.__annotations__ = {"request": parameter_type(real), "return": answer_type(real)}
        return activity.defn(name=registered_name(real))(do)

    def _make_undo(self, real: Callable[..., Any]) -> Callable[..., Any]:
        async def undo(request: UndoRequest) -> UndoResult:
            return await self._undo(request.id)

        undo.__annotations__ = {"request": UndoRequest, "return": UndoResult}
        return activity.defn(name=registered_name(real))(undo)

    def _make_poll(self, event: ExternalEvent[Any, Any]) -> Callable[..., Any]:
        async def poll(request: Any) -> Any:
            return self.event_value(event, request)

        assert event.poll is not None
        poll.__annotations__ = {"request": parameter_type(event.poll), "return": answer_type(event.poll)}
        return activity.defn(name=registered_name(event.poll))(poll)

    def event_value(self, event: ExternalEvent[Any, Any], request: Any) -> Any:
        """The value of the event."""
        answer = self._answers.get(event)
        return sample(event.value_type, event.name) if answer is None else answer(request)

    # -- calls

    async def _do(self, name: str, request: Any) -> Any:
        with self._recording_misuse():
            effect = self.effects.of(self.effects.ids.of_request(name, request))
        step = self.effects.step_of(effect)
        behavior = self._next("do", step, effect, effect.dos)
        effect.dos += 1
        if behavior is Do.FAULT:
            await self._pass_gate("do", step)
            raise ConnectionError("the world fails before the effect")
        refused = self.effects.do(effect, refuses=behavior is Do.REFUSE)
        if behavior is Do.SLOW:
            await asyncio.sleep(self.slow)
        await self._pass_gate("do", step)
        if behavior is Do.LOST:
            raise ConnectionError("the world loses its answer")
        if refused is not None:
            raise refused
        answer = self._answers.get(step)
        return sample(answer_type(step.do), effect.id) if answer is None else answer(request)

    async def _undo(self, effect_id: str) -> UndoResult:
        with self._recording_misuse():
            effect = self.effects.of(effect_id)
        step = self.effects.step_of(effect)
        behavior = self._next("undo", step, effect, effect.undos)
        effect.undos += 1
        if behavior is Undo.FAULT:
            await self._pass_gate("undo", step)
            raise ConnectionError("the world fails to undo")
        outcome = self.effects.undo(effect, behavior)
        await self._pass_gate("undo", step)
        if behavior is Undo.LOST:
            raise ConnectionError("the world loses its answer")
        return UndoResult(outcome)

    @contextmanager
    def _recording_misuse(self) -> Iterator[None]:
        try:
            yield
        except ValueError as misuse:
            self.misuses.append(str(misuse))
            raise

    def _next(self, verb: str, step: AnyStep, effect: Effect, call: int) -> Do | Undo:
        self.calls.append(f"{verb} {effect.id}")
        key = self.effects.ids.split(effect.id)[2]
        script = self._script.get(f"{verb} {step.name}[{key}]") or self._script.get(f"{verb} {step.name}") or ()
        return script[min(call, len(script) - 1)] if script else (Do.OK if verb == "do" else Undo.OK)

    async def _pass_gate(self, verb: str, step: AnyStep) -> None:
        gate = self._gates.get(f"{verb} {step.name}")
        if gate is not None and not gate.reached.is_set():
            gate.reached.set()
            await gate.opened.wait()
