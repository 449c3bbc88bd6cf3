"""Runs one case of a saga on a real server: the faults, the cancel, the crash and the person's decision."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from ordersaga.saga import Choice, DecisionRefused, Policy, Saga, SagaClient, SagaEvent, StepParked, Verdict
from ordersaga.testing.sagas.cases import Cancel, Case
from ordersaga.testing.sagas.checker import Ending, check
from ordersaga.testing.sagas.transcript import Line
from ordersaga.testing.sagas.under_test import RUNS, RunInputs, SagaUnderTest
from ordersaga.testing.sagas.world import Gate, World

LIMIT = 60.0
"""The time limit of a case, in seconds."""
TASK_TIMEOUT = timedelta(seconds=5)
"""How long the server waits for a worker that has crashed. First attempts must end in four fifths of it."""
_NOTICE_SECONDS = 0.3
"""How long it takes until a cancel by update is noticed, unless a local activity is running."""
_STOP_SECONDS = 3.0
"""How long a worker takes to drop its work, in seconds. Some then wait much longer for the server to answer their last
poll."""


@dataclass(frozen=True)
class CaseResult:
    """The result of a case: what is wrong, and what happened. `reached` says whether its step was called at all."""

    case: Case
    problems: Sequence[str]
    lines: Sequence[Line]
    reached: bool
    verdict: Verdict | None = None

    def __str__(self) -> str:
        happened = [f"    {line}" for line in self.lines]
        return "\n".join([str(self.case), *(f"  {problem}" for problem in self.problems), *happened])


class CaseRunner:
    """Runs one case. `subject` is the saga's subject, and `key` is part of its effect ids."""

    def __init__(
        self, temporal: Client, saga: Saga[Any], subject: Any, world: World, policy: Policy, key: str = "1"
    ) -> None:
        self._temporal, self._world = temporal, world
        self._id = f"saga-under-test-{uuid4().hex}"
        self._parked: asyncio.Queue[StepParked] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._inputs = RunInputs(saga, subject, key, policy, world, self._on_event)
        self._cancel_answer: asyncio.Task[Verdict] | None = None

    async def run(self, case: Case) -> CaseResult:
        """Run the case to its end, and check it."""
        case.arrange(self._world)
        gate = self._world.gate(case.script.verb, case.step) if case.cancel or case.crash else None
        RUNS[self._id] = self._inputs
        try:
            async with self._running() as workers:
                handle = await self._temporal.start_workflow(
                    SagaUnderTest.run, id=self._id, task_queue=self._id, task_timeout=TASK_TIMEOUT
                )
                return await self._run_case(case, gate, handle, workers)
        finally:
            del RUNS[self._id]

    async def _run_case(
        self, case: Case, gate: Gate | None, handle: WorkflowHandle[Any, Ending], workers: _Workers
    ) -> CaseResult:
        result = asyncio.create_task(handle.result())
        person = asyncio.create_task(self._decide(case))
        reached = gate is None
        try:
            async with asyncio.timeout(LIMIT):
                if gate is not None:
                    reached = await self._meanwhile(case, gate, handle, result, workers)
                ending = await result
                problems = check(ending, self._world) + await self._wrong_answers(ending)
                return CaseResult(case, problems, ending.lines, reached, ending.verdict)
        except TimeoutError:
            return await self._failed(case, handle, f"it did not end within {LIMIT:g} s", reached)
        except WorkflowFailureError as failed:
            problem = (
                f"its workflow failed ({failed.cause!r}), and these effects are live: {', '.join(self._world.live)}"
            )
            return await self._failed(case, handle, problem, reached)
        finally:
            tasks = [task for task in (result, person, self._cancel_answer) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _failed(self, case: Case, handle: WorkflowHandle[Any, Ending], problem: str, reached: bool) -> CaseResult:
        lines: list[Line] = []
        with suppress(RPCError, WorkflowQueryFailedError):
            lines = await handle.query(SagaUnderTest.happened, rpc_timeout=timedelta(seconds=5))
        with suppress(RPCError):
            await handle.terminate("the case did not end")
        return CaseResult(case, [problem], lines, reached)

    async def _meanwhile(
        self,
        case: Case,
        gate: Gate,
        handle: WorkflowHandle[Any, Ending],
        result: asyncio.Task[Ending],
        workers: _Workers,
    ) -> bool:
        """Cancel and crash while the step is running. Returns False if the step ended first."""
        reached = asyncio.create_task(gate.reached.wait())
        await asyncio.wait({reached, result}, return_when=asyncio.FIRST_COMPLETED)
        if not gate.reached.is_set():
            reached.cancel()
            return False
        if case.cancel is Cancel.NATIVE:
            await handle.cancel()
        elif case.cancel is Cancel.UPDATE:
            self._cancel_answer = asyncio.create_task(SagaClient(self._temporal, self._id).cancel("the case wants it"))
            await asyncio.wait({self._cancel_answer}, timeout=_NOTICE_SECONDS)
        if case.crash:
            await workers.replace()
        gate.opened.set()
        return True

    async def _decide(self, case: Case) -> None:
        """Decide on whatever is parked, as a person would: as the case says, or stop the faults and retry."""
        client = SagaClient(self._temporal, self._id)
        while True:
            parked = await self._parked.get()
            choice = Choice.RETRY
            if parked.undoing and parked.step.partition("[")[0] == case.step.name:
                choice = case.script.choice
            if choice is Choice.RETRY:
                self._world.stop_faults()
            try:
                await client.resolve(parked.step, choice, "the test", "no. 1")
            except (DecisionRefused, RPCError):
                pass  # it has just continued by itself
            except WorkflowUpdateRPCTimeoutOrCancelledError:
                return  # what the SDK raises when this task ends

    async def _wrong_answers(self, ending: Ending) -> list[str]:
        """Check whether the caller of the cancel got another verdict than the saga's."""
        if self._cancel_answer is None:
            return []
        try:
            answer = await self._cancel_answer
        except (RPCError, WorkflowUpdateFailedError):
            return []  # it had ended before
        return (
            []
            if answer is ending.verdict
            else [f"the cancel was answered {answer}, but the saga ended {ending.verdict}"]
        )

    def _on_event(self, event: SagaEvent) -> None:
        if isinstance(event, StepParked):
            self._loop.call_soon_threadsafe(self._parked.put_nowait, event)

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[_Workers]:
        workers = _Workers(self._temporal, self._id, self._world)
        workers.start()
        try:
            yield workers
        finally:
            await workers.stop()


class _Workers:
    """One worker after the other. The server gives a run to the next one within a second."""

    def __init__(self, temporal: Client, task_queue: str, world: World) -> None:
        self._temporal, self._task_queue, self._world = temporal, task_queue, world
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._worker = Worker(
            self._temporal,
            task_queue=self._task_queue,
            workflows=[SagaUnderTest],
            activities=self._world.activities(),
            workflow_runner=UnsandboxedWorkflowRunner(),
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
            max_concurrent_workflow_task_polls=2,
            max_concurrent_activity_task_polls=2,
        )
        self._running.append(asyncio.create_task(self._worker.run()))

    async def replace(self) -> None:
        """Stop a worker in the middle of its work, which is lost, and start another."""
        stopping = asyncio.create_task(self._worker.shutdown())
        self._running.append(stopping)
        await asyncio.wait({stopping}, timeout=_STOP_SECONDS)
        self.start()

    async def stop(self) -> None:
        """Stop the last worker, and make sure that all have ended."""
        await self._worker.shutdown()
        await asyncio.gather(*self._running)
