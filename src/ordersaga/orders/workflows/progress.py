"""Reports to the register when an order starts to need a person, for what, and when it no longer does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from ordersaga.contracts.register import Attention as AttentionRecord
    from ordersaga.contracts.register import AttentionStep, ProgressRequest
    from ordersaga.domain.result import OrderStatus
    from ordersaga.domain.worklist import Attention
    from ordersaga.orders.activities import OrderProgress
    from ordersaga.orders.workflows.at_risk import money_at_risk
    from ordersaga.orders.workflows.projection import OrderProjection
    from ordersaga.orders.workflows.register import event_records
    from ordersaga.saga import StepRecord, StepState
    from ordersaga.saga.waiting import is_cancelled_itself, wait_until

Waiting = tuple[str, tuple[tuple[str, tuple[str, ...]], ...]]
"""The money at risk, and the parked steps with the choices for each."""
NOTHING: Waiting = ("", ())


class ProgressReports:
    """The reports of a running order to the register. The first report is sent when a step is parked."""

    def __init__(self, projection: OrderProjection, call_timeout: timedelta) -> None:
        self._projection, self._saga = projection, projection.saga
        self._call_timeout = call_timeout
        self._reported = NOTHING
        self._over = False
        self._task: asyncio.Task[None] | None = None

    def check(self) -> None:
        """Check whether an event has changed what must be reported."""
        if not self._over and self._task is None and self._waiting() != self._reported:
            self._task = asyncio.create_task(self._report_changes())

    async def end(self) -> None:
        """Send no more reports: the ending contains more."""
        self._over = True
        if self._task is not None:
            await self._task

    async def _report_changes(self) -> None:
        while not self._over:
            self._reported = self._waiting()
            await self._report(self._progress(), lambda: self._over)
            await wait_until(lambda: self._over or self._waiting() != self._reported)

    async def after_end(self, status: OrderStatus, attention: AttentionRecord | None) -> None:
        """Report what became of an order that had already ended."""
        progress = self._progress().model_copy(update={"status": status, "attention": attention})
        await self._report(progress, lambda: False)

    def _waiting(self) -> Waiting:
        parked = self._parked()
        if not parked:
            return NOTHING
        steps = ((record.name, tuple(self._saga.decisions.choices(record.name))) for record in parked)
        return self._at_risk(), tuple(steps)

    def _at_risk(self) -> str:
        return money_at_risk(self._projection.order, self._saga).amount

    def _parked(self) -> list[StepRecord]:
        return [record for record in self._saga.records.values() if record.state is StepState.PARKED]

    async def _report(self, progress: ProgressRequest, is_stopped: Callable[[], bool]) -> None:
        """Send a report. The server repeats it until the register answers or the report is no longer needed."""
        handle: workflow.ActivityHandle[RawValue] = workflow.start_activity(
            "record_progress",
            OrderProgress(order_id=self._projection.order.order_id, progress=progress),
            result_type=RawValue,
            start_to_close_timeout=self._call_timeout,
            summary="register: what waits for a person",
        )
        await wait_until(lambda: is_stopped() or handle.done())
        if not handle.done():
            await asyncio.sleep(0)  # or a handle that has not begun would be cancelled without its activity
            handle.cancel()
        try:
            await handle
        except ActivityError:
            pass  # the register rejects the report; the ending contains more
        except asyncio.CancelledError:
            if is_cancelled_itself():
                raise

    def _progress(self) -> ProgressRequest:
        view = self._projection.view()
        return ProgressRequest(
            owner=self._projection.order.fingerprint,
            run_id="-",
            number=len(view.timeline),
            status=view.status,
            attention=self._attention(),
            events=event_records(view.timeline),
        )

    def _attention(self) -> AttentionRecord | None:
        parked = self._parked()
        if not parked:
            return None
        steps = [
            AttentionStep(
                step=record.name,
                undoing=record.undoing,
                error=record.last_error,
                attempts=record.undo_attempts if record.undoing else record.attempts,
                next_try=record.next_try,
                choices=list(self._saga.decisions.choices(record.name)),
            )
            for record in parked
        ]
        since = min(record.since for record in parked if record.since is not None)
        return AttentionRecord(kind=Attention.PARKED, amount_at_risk=self._at_risk(), since=since, steps=steps)
