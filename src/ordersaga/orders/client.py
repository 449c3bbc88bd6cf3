"""The client: place, read and cancel orders, and decide on those that need a person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.contracts.register import OrderRecord
from ordersaga.domain.audit_log import AuditFilter, AuditItem, OrderNote
from ordersaga.domain.errors import (
    DecisionRefused,
    OrderNotFound,
    ServiceUnavailable,
    TemporalBusy,
    VerdictPending,
    WorkerUnavailable,
)
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import (
    CancelAnswer,
    CancelOutcome,
    OrderFilter,
    OrderPage,
    OrderResult,
    OrderStatus,
    OrderSummary,
    OrderView,
    PlacedOrder,
)
from ordersaga.domain.worklist import Attention, OrderDecision, WorklistItem
from ordersaga.orders import executions
from ordersaga.orders.connection import (
    cancel_recorded,
    connect,
    is_not_ready,
    map_rpc_error,
    translate_rpc_errors,
)
from ordersaga.orders.reading import OrderReader
from ordersaga.orders.register.notes import audit_items, write_note
from ordersaga.orders.register.orders import (
    OrderRegister,
    result_of,
    run_of,
    summary_of,
)
from ordersaga.orders.runs import OrderRuns
from ordersaga.orders.starting import Handle, Starter
from ordersaga.orders.workflows.handlers import OrderHandlers
from ordersaga.orders.workflows.ids import workflow_id
from ordersaga.orders.workflows.order import OrderSagaWorkflow
from ordersaga.orders.worklist import recover_ended, worklist_items
from ordersaga.saga import cancel_arguments
from ordersaga.saga.client import NO_ROOM, is_too_many, read_until_known, retry_rejected_update
from ordersaga.settings import Settings, load_settings

CANCEL_PATIENCE = 60.0
UPDATE_PATIENCE = 5.0
"""How long a cancel waits for its update. A run takes ten updates at a time, so a waiting one may keep others out."""
RECORD_PATIENCE = timedelta(seconds=2)
"""How long a worker may take to answer whether a cancel is already recorded."""

T = TypeVar("T")


class OrderClient:
    """Orders on one Temporal namespace and task queue. Safe to share between tasks.

    With `async with`, calls to the register share connections. Use it in long-running programs.
    """

    def __init__(self, temporal: Client, settings: Settings | None = None) -> None:
        self.temporal = temporal
        self.settings = settings or load_settings()
        self.register = OrderRegister(self.settings)
        self._reader = OrderReader(temporal, self.register, live_only=True)
        self._starter = Starter(temporal, self.settings.task_queue)
        self._runs = OrderRuns(temporal)

    async def __aenter__(self) -> Self:
        await self.register.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.register.__aexit__(kind, error, trace)

    @classmethod
    async def connect(cls, settings: Settings | None = None, **temporal: Any) -> Self:
        """Create a client for the Temporal server in the environment's settings.

        Raises TemporalUnavailable, SettingsError.
        """
        settings = settings or load_settings()
        return cls(await connect(**temporal), settings)

    async def place_order(self, order: OrderInput) -> OrderResult:
        """Place an order, and wait for its end. Placing it again returns the same result and does nothing else.

        Raises OrderConflict if the id is taken by an order with other content.
        """
        await self.submit_order(order)
        return await self.result(order.order_id)

    async def submit_order(self, order: OrderInput) -> PlacedOrder:
        """Place an order without waiting for its end. Raises OrderConflict like place_order.

        The register accepts the order first. If no run starts after that, because this program ends or Temporal does
        not answer, the watcher starts one. Raises ServiceUnavailable and TemporalUnavailable: the order may or may not
        have been placed. Call again; this is safe.
        """
        order = self.settings.with_policy(order)
        standing = await self.register.accept(order, self.settings.task_queue)
        if standing.ending is not None:  # Temporal may have deleted the run
            run_id, name = run_of(standing.ending), workflow_id(order.order_id)
            return PlacedOrder(order_id=order.order_id, workflow_id=name, run_id=run_id, created=False)
        try:
            handle = await self._starter.start(order)
        except WorkflowAlreadyStartedError:
            return await self._placed_before(order)
        return PlacedOrder(
            order_id=order.order_id, workflow_id=handle.id, run_id=handle.result_run_id or "", created=True
        )

    async def result(self, order_id: str) -> OrderResult:
        """Wait for an order's end. Raises OrderNotFound, TemporalBusy."""
        handle = self._runs.own(order_id)
        try:
            with translate_rpc_errors(order_id):
                return await executions.result_of_latest(handle)
        except OrderNotFound:
            record = await self.register.find(order_id)
            if record is not None and (ended := result_of(record)) is not None:
                return ended
            if (recovery := await self._runs.recovery(order_id)) is not None:
                return await self._runs.result_of_recovery(order_id, recovery)
            raise
        except WorkflowFailureError as failure:
            if (recovery := await self._runs.recovery(order_id)) is not None:
                return await self._runs.result_of_recovery(order_id, recovery)
            view = await self._runs.view_of_closed(handle, order_id) if executions.has_view(failure) else None
            return executions.result_without_one(order_id, failure, view)

    async def get_order_status(self, order_id: str) -> OrderStatus:
        """The status of an order. Raises OrderNotFound, WorkerUnavailable."""
        summary = await self.get_summary(order_id)
        if summary.closed_at is not None or summary.status is OrderStatus.NEEDS_ATTENTION:
            return summary.status
        return (await self.get_order(order_id)).status

    async def get_order(self, order_id: str) -> OrderView:
        """Everything known about an order, with the last failure of its running activity.

        Raises like get_order_status.
        """
        return (await self._reader.details(order_id)).view

    async def cancel_order(
        self, order_id: str, reason: str, patience: float = CANCEL_PATIENCE, by: str | None = None
    ) -> CancelAnswer:
        """Cancel an order, and wait up to `patience` seconds until the outcome is certain.

        `by` is who cancels it, for the timeline and the audit log. An order that has ended stays as it is, and the
        answer says how it ended. Raises OrderNotFound, VerdictPending.
        """
        handle, asked = self._runs.own(order_id), cancel_arguments(reason, by)
        try:
            async with asyncio.timeout(patience):
                return await self._cancel(handle, order_id, asked, min(UPDATE_PATIENCE, patience / 2))
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            with suppress(RPCError):
                await self._record_cancel(handle, asked)
            raise VerdictPending(
                f"The cancel of order {order_id} was requested, but after {patience:g} s it is still not certain "
                "whether it came in time. Cancel again, which is safe, or check with `ordersaga show`."
            ) from None
        except (RPCError, WorkflowUpdateFailedError) as error:
            if isinstance(error, RPCError) and error.status is not RPCStatusCode.NOT_FOUND:
                raise map_rpc_error(error, order_id, by_worker=True) from None
            return await self._cancel_of_closed(order_id)
        except RuntimeError as error:
            raise map_rpc_error(error, order_id) from None

    async def get_summary(self, order_id: str) -> OrderSummary:
        """An order as a list shows it. Needs no worker. Raises OrderNotFound."""
        with suppress(ServiceUnavailable):
            record = await self.register.find(order_id)
            if record is not None and record.ending is not None:
                return summary_of(record)
        try:
            with translate_rpc_errors(order_id):
                description = await self._runs.own(order_id).describe()
                return await executions.summary(self.temporal, description)
        except OrderNotFound:
            return summary_of(await self._record(order_id))

    async def list_orders(
        self,
        status: OrderStatus | None = None,
        customer_id: str | None = None,
        limit: int | None = None,
        **more: Any,
    ) -> AsyncIterator[OrderSummary]:
        """All matching orders, or the newest `limit` of them, newest first. `more` are other fields of OrderFilter.

        They come from the register, so this works while Temporal does not answer. Raises InvalidRequest,
        ServiceUnavailable.
        """
        async for entry in self.register.entries(OrderFilter(status, customer_id, **more), limit):
            yield summary_of(entry)

    async def list_page(self, wanted: OrderFilter, cursor: str | None = None, limit: int = 50) -> OrderPage:
        """A page of the orders of list_orders, and the cursor of the next page. Also raises InvalidCursor.

        In a list, a running order is `processing` from the moment it is placed.
        """
        return await self.register.page(wanted, cursor, limit)

    async def worklist(self) -> list[WorklistItem]:
        """Everything that waits for a person, the longest wait first. Raises ServiceUnavailable.

        While Temporal does not answer, wedged runs are missing, and the log says so.
        """
        return await worklist_items(self.temporal, self.register)

    async def resolve(self, order_id: str, decision: OrderDecision) -> OrderView:
        """Carry out a person's decision, and return the order's state afterwards.

        Raises DecisionRefused, OrderNotFound.
        """
        try:
            handle = await self._runs.current(order_id)
            with translate_rpc_errors(order_id):
                description = await handle.describe()
        except OrderNotFound:
            return await self._resolve_ended(order_id, decision)
        if description.status is not WorkflowExecutionStatus.RUNNING:
            return await self._resolve_ended(order_id, decision)
        try:
            return await retry_rejected_update(
                lambda name: handle.execute_update(OrderSagaWorkflow.resolve, decision, id=name)
            )
        except WorkflowUpdateFailedError as refused:
            if await self._is_ending(order_id, handle):
                return await self._resolve_ended(order_id, decision)
            raise DecisionRefused(getattr(refused.cause, "message", str(refused.cause))) from None
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise WorkerUnavailable(
                f"The decision on order {order_id} was sent, but no answer came. It may or may not have been accepted. "
                "Check with `ordersaga show` before you decide again."
            ) from None
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise map_rpc_error(error, order_id, by_worker=True) from None
            raise DecisionRefused(
                f"Order {order_id} ended before the decision reached it. The decision changed nothing. "
                "Check with `ordersaga show`."
            ) from None

    async def note(self, order_id: str, by: str, text: str, note_id: str | None = None) -> OrderNote:
        """Write a note, once for each `note_id`. Raises InvalidRequest, OrderNotFound, ServiceUnavailable."""
        return await write_note(self.register, order_id, by, text, note_id)

    async def audit(self, wanted: AuditFilter | None = None, limit: int | None = None) -> AsyncIterator[AuditItem]:
        """What people did, newest first: everything, or the newest `limit` entries. Raises ServiceUnavailable."""
        async for item in audit_items(self.register, wanted or AuditFilter(), limit):
            yield item

    # -- helpers

    async def _record(self, order_id: str) -> OrderRecord:
        """The register's record of an order that Temporal does not know. Raises OrderNotFound."""
        record = await self.register.find(order_id)
        if record is None:
            raise OrderNotFound(f"There is no order {order_id}, neither in Temporal nor in the register.")
        return record

    async def _cancel(self, handle: Handle, order_id: str, asked: Any, update_patience: float) -> CancelAnswer:
        answered = await self._cancel_by_update(handle, order_id, asked, update_patience)
        if answered is not None:
            return answered

        async def answer() -> CancelAnswer | None:
            try:
                return await self._runs.query(handle, order_id, OrderHandlers.get_cancel_answer)
            except (WorkerUnavailable, TemporalBusy):
                return None  # the caller's patience limits how long this is repeated

        return await read_until_known(answer)

    async def _cancel_by_update(self, handle: Handle, order_id: str, asked: Any, seconds: float) -> CancelAnswer | None:
        """Request the cancel, and wait for the update's answer. None if it has to be read by a query."""
        try:
            async with asyncio.timeout(seconds) as limit:
                return await retry_rejected_update(
                    lambda name: handle.execute_update(OrderSagaWorkflow.request_cancel, asked, id=name)
                )
        except WorkflowUpdateFailedError as refused:
            if not is_too_many(refused):  # then others wait for the answer, so a cancel has been requested
                raise
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            if not limit.expired():
                raise  # the caller's own patience is over
            await self._record_cancel(handle, asked)
        except RPCError as error:
            if not (error.status in NO_ROOM or is_not_ready(error)):
                raise
            await self._record_cancel(handle, asked)
            if error.status not in NO_ROOM:
                raise cancel_recorded(order_id) from None
        return None

    async def _record_cancel(self, handle: Handle, asked: Any) -> None:
        """Make sure that a cancel is in the run's history, once. Raises RPCError.

        When the server restarts, it loses an update that no worker has accepted. It keeps a signal, but each signal
        stays in the history.
        """
        with suppress(RPCError, WorkflowQueryFailedError):
            if await handle.query(OrderSagaWorkflow.is_cancel_requested, rpc_timeout=RECORD_PATIENCE):
                return
        await handle.signal(OrderSagaWorkflow.cancel, asked)

    async def _is_ending(self, order_id: str, handle: WorkflowHandle[Any, OrderResult]) -> bool:
        """Whether a run has written its order's end, apart from the email.

        Waits for the end of the run itself, which follows at once.
        """
        record = await self.register.find(order_id)
        attention = record.attention if record and record.ending else None
        if attention is None or attention.kind != Attention.MAIL_NOT_SENT:
            return False
        with suppress(WorkflowFailureError):
            await handle.result()
        return True

    async def _resolve_ended(self, order_id: str, decision: OrderDecision) -> OrderView:
        await recover_ended(self.temporal, self.settings.task_queue, await self._record(order_id), decision)
        return await self.get_order(order_id)

    async def _placed_before(self, order: OrderInput) -> PlacedOrder:
        """Return the order that the register already knows, after it has confirmed that the content is the same."""
        handle = self._runs.own(order.order_id)
        with translate_rpc_errors(order.order_id):
            run_id = (await handle.describe()).run_id
        return PlacedOrder(order_id=order.order_id, workflow_id=handle.id, run_id=run_id, created=False)

    async def _cancel_of_closed(self, order_id: str) -> CancelAnswer:
        status = (await self.get_summary(order_id)).status
        if not status.is_end:
            raise VerdictPending(
                f"The run of order {order_id} was cut off. How the order ends is not certain until the watcher "
                "has recovered it, which it does without your help. Nothing was changed. Cancel again then."
            )
        cancelled = status is OrderStatus.CANCELLED
        return CancelAnswer(
            order_id=order_id,
            outcome=CancelOutcome.CANCELLED if cancelled else CancelOutcome.TOO_LATE,
            status=status,
            detail=f"order {order_id} had already ended: {status}",
        )
