"""Compensations in the style of Java's `io.temporal.workflow.Saga`: register undos, and run them all if needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from temporalio import workflow

from ordersaga.saga.activity_calls import start_undo
from ordersaga.saga.decisions import Decision, PendingDecisions
from ordersaga.saga.definition import Policy
from ordersaga.saga.effect import EffectId
from ordersaga.saga.events import SagaEvent
from ordersaga.saga.run_log import RunLog
from ordersaga.saga.step_state import StepRecord, StepState
from ordersaga.saga.undoing import StartUndo, Undoer, carry_out, wait_until_over_or


class Compensations:
    """Undos that you register one by one, and that run in reverse order or in parallel.

    Register a compensation **before** the call that it undoes: if that call fails, its effect is unknown. No
    cancellation of the run interrupts `compensate`. A compensation is retried until it succeeds. After
    `policy.undo_patience` it is parked: it is still retried, and a person may also decide on it.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        parallel: bool = False,
        on_event: Callable[[SagaEvent], None] = lambda event: None,
    ) -> None:
        self.policy = policy or Policy()
        self.log = RunLog([], on_event)
        self._parallel = parallel
        self._undoer = Undoer(self.log, self.policy)
        self._starts: dict[str, StartUndo] = {}

    @property
    def decisions(self) -> PendingDecisions:
        """The parked compensations, and the decisions on them."""
        return self.log.decisions

    @property
    def records(self) -> dict[str, StepRecord]:
        """The state of each compensation, by its name."""
        return self.log.records

    def add_compensation(self, undo: Callable[..., Any], *args: Any, name: str = "") -> None:
        """Register an activity and its arguments. Its answer is ignored unless it is an UndoResult.

        `name` identifies the compensation in a person's decision. The default is the activity's name with a number.
        """
        number = len(self.log.records) + 1
        name = name or f"{undo.__name__}[{number}]"
        if name in self.log.records:
            raise ValueError(f"there is a compensation {name} already")
        record = self.log.records[name] = StepRecord(name, undo.__name__, EffectId(undo.__name__, str(number)))
        self._starts[name] = lambda retries: start_undo(undo, args, record, name, self.policy, retries=retries)

    async def compensate(self, reason: str = "compensation") -> None:
        """Run all compensations that are registered and have not run, and return when the last one has ended.

        A native cancel during this time interrupts nothing. It is raised as CancelledError after everything is undone.
        """
        body = asyncio.create_task(self._compensate(reason))
        cancelled: asyncio.CancelledError | None = None
        while not body.done():
            try:
                await workflow.wait_condition(body.done)
            except asyncio.CancelledError as error:
                if workflow.cancellation_reason() is None:
                    raise
                cancelled = error
        body.result()
        if cancelled is not None:
            raise cancelled

    async def resolve(self, decision: Decision) -> None:
        """Carry out a person's decision on a parked compensation; see SagaRun.resolve."""
        await carry_out(self.decisions, decision)

    async def _compensate(self, reason: str) -> None:
        records = [each for each in reversed(self.log.records.values()) if each.state is StepState.PENDING]
        tasks = []
        for record in records:
            tasks.append(asyncio.create_task(self._undo(record, reason)))
            if not self._parallel:
                await wait_until_over_or(tasks[-1], record, [StepState.PARKED, StepState.UNDO_REQUESTED])
        for task in tasks:
            await task

    async def _undo(self, record: StepRecord, reason: str) -> None:
        await self._undoer.undo(record, self._starts[record.name], reason)
