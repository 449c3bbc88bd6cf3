"""Small sagas that tests declare where they need them, in the world of the sample saga."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from ordersaga.saga import (
    EffectId,
    ExternalEvent,
    Kind,
    Policy,
    Saga,
    SagaClient,
    SagaHandlers,
    SagaRun,
    SagaView,
    Step,
    UndoAnswered,
    first_attempts,
    not_yet,
    refusal,
)
from ordersaga.saga.first_attempts import AttemptOutcome, Checkpoint
from tests.workflow.environment import until
from tests.workflow.sample_saga import World


@dataclass(frozen=True)
class Case:
    """The saga to run, its key, and its policy in seconds."""

    saga: str
    key: str
    keys: list[str] | None = None
    fast_path: float = 1.0
    step_deadline: float = 1.0
    undo_patience: float = 1.0
    parked_interval: float = 0.2
    requested_interval: float = 0.2


AnyStep = Step[Case, str]


def effect(case: Case, effect_id: EffectId) -> str:
    """The request to the world: the effect's id."""
    return effect_id


def step(name: str, kind: Kind = Kind.COMPENSATABLE, *, undoable: bool = True, **more: Any) -> AnyStep:
    """A step whose effect the world stores."""
    undo = World.undo_step if undoable else None
    return Step(name, request=effect, do=World.do_step, undo=undo, kind=kind, **more)


class Outside:
    """What a poll finds: a value by the case's key, a refusal (`never`), or nothing before `release` (`slow`)."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.polls = 0
        self.release = asyncio.Event()

    @activity.defn
    async def look(self, case: Case) -> str:
        """The event's value."""
        self.polls += 1
        if self.found.get(case.key) == "slow":
            await self.release.wait()
        if self.found.get(case.key) == "never":
            raise refusal("it was called off", "CalledOff")
        if case.key not in self.found:
            raise not_yet()
        return self.found[case.key]


SAGAS: dict[str, Saga[Case]] = {}
"""The sagas that tests have declared."""


@workflow.defn
class CaseWorkflow(SagaHandlers):
    """Runs one of them."""

    @workflow.init
    def __init__(self, case: Case) -> None:
        self.case = case
        policy = Policy(
            call_timeout=timedelta(seconds=5),
            step_deadline=timedelta(seconds=case.step_deadline),
            undo_patience=timedelta(seconds=case.undo_patience),
            parked_interval=timedelta(seconds=case.parked_interval),
            requested_interval=timedelta(seconds=case.requested_interval),
            fast_path=timedelta(seconds=case.fast_path),
        )
        super().__init__(SagaRun(SAGAS[case.saga], case, case.key, policy))

    @workflow.run
    async def run(self, case: Case) -> str:
        """Run to the end, and return which end it was."""
        outcome = await self.saga.run()
        return " ".join(filter(None, [outcome.verdict, "cancelled" if outcome.cancelled else None, outcome.refusal]))

    @workflow.signal
    def deliver(self, event: str, value: str) -> None:
        """Deliver an event."""
        known: ExternalEvent[Case, str] = next(each for each in self.saga.saga.events if each.name == event)
        self.saga.deliver(known, value)

    @workflow.query
    def happened(self) -> list[str]:
        """The types of the events so far."""
        return [type(each).__name__ for each in self.saga.events]

    @workflow.query
    def undo_answers(self) -> list[str]:
        """The answers of the undos, in order."""
        return [each.detail for each in self.saga.events if isinstance(each, UndoAnswered)]


class CaseRunner:
    """Runs a declared saga in a world, and reads which effects exist."""

    def __init__(self, temporal: Client, world: World, outside: Outside, key: str, queue: str) -> None:
        self.temporal, self.world, self.outside, self.key, self.queue = temporal, world, outside, key, queue

    def given(self, **script: list[str]) -> None:
        """Script the world: `do_pay=["lost", "ok"]`, or `do_pay__2=…` for the instance with key 2."""
        for call, what in script.items():
            verb, name = call.split("_", 1)
            prefix, _, instance = name.partition("__")
            self.world.script["-".join(filter(None, [f"{verb} {prefix}", self.key, instance]))] = what

    async def start(self, saga: Saga[Case], **case: Any) -> WorkflowHandle[Any, str]:
        """Start it."""
        SAGAS[self.key] = saga
        return await self.temporal.start_workflow(
            CaseWorkflow.run, Case(self.key, self.key, **case), id=self.id, task_queue=self.queue
        )

    async def run(self, saga: Saga[Case], **case: Any) -> str:
        """Start it, and wait for its end."""
        return await asyncio.wait_for((await self.start(saga, **case)).result(), 30)

    @property
    def id(self) -> str:
        """The workflow's id."""
        return f"case-{self.key}"

    @property
    def client(self) -> SagaClient:
        """A client of it."""
        return SagaClient(self.temporal, self.id)

    @property
    def in_effect(self) -> list[str]:
        """The existing effects, without the saga's key."""
        return sorted(each.replace(f"-{self.key}", "") for each in self.world.effects)

    @property
    def calls(self) -> list[str]:
        """The calls in order, without the saga's key."""
        return [each.replace(f"-{self.key}", "") for each in self.world.calls]

    @property
    def undos(self) -> list[str]:
        """The undos in the order of their first call."""
        return list(dict.fromkeys(each.removeprefix("undo ") for each in self.calls if each.startswith("undo ")))

    async def states(self) -> dict[str, str]:
        """The state of each step. Repeats a query that the server has lost."""

        async def asked() -> SagaView | None:
            with suppress(RPCError):
                return await self.client.status(timedelta(seconds=5))
            return None

        view = await until(asked)
        assert view is not None
        return {each.name: each.state for each in view.steps}

    async def has(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition is true in the world."""

        async def check() -> bool:
            return condition()

        await until(check)

    async def state_is(self, name: str, state: str) -> None:
        """Wait until a step has reached a state."""

        async def check() -> bool:
            return (await self.states())[name] == state

        await until(check)

    async def task_failure(self, saga: Saga[Case], **case: Any) -> str:
        """Start a saga whose workflow task must fail, wait until it has, and return the reason. Ends the run."""
        handle = await self.start(saga, **case)

        async def failed() -> str:
            async for event in handle.fetch_history_events():
                if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                    return event.workflow_task_failed_event_attributes.failure.message
            return ""

        try:
            return await until(failed)
        finally:
            await handle.terminate()


@asynccontextmanager
async def case_runner(
    temporal: Client, key: str, more: Callable[[World], list[Callable[..., Any]]] = lambda world: []
) -> AsyncIterator[CaseRunner]:
    """A runner with its own world and worker. Its first attempts are those of the saga that it runs.

    `more` are further activities of the world.
    """
    world, outside, queue = World(), Outside(), f"cases-{key}"
    calls: list[Callable[..., Any]] = [world.do_step, world.undo_step, outside.look, *more(world)]
    async with Worker(
        temporal,
        task_queue=queue,
        workflows=[CaseWorkflow],
        activities=[*calls, _first_attempts(calls)],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=100,
    ):
        yield CaseRunner(temporal, world, outside, key, queue)
        world.release.set()


def _first_attempts(calls: list[Callable[..., Any]]) -> Callable[..., Any]:
    """The first attempts of every saga that a test may declare later, under their common name."""

    @activity.defn(name="case_first_attempts")
    async def make(case: Case, checkpoint: Checkpoint) -> list[AttemptOutcome]:
        made: list[AttemptOutcome] = await first_attempts(SAGAS[case.saga], calls)(case, checkpoint)
        return made

    return make
