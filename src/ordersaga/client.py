"""The client: place orders, ask about them, cancel them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
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
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import TerminatedError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ordersaga import endings, settlements
from ordersaga.connect import connect, in_our_words, is_not_ready, stuck, translated
from ordersaga.domain.errors import (
    DecisionRefused,
    InvalidOrder,
    OrderConflict,
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
from ordersaga.domain.worklist import Attention, OrderDecision, Settlement, WorklistItem
from ordersaga.endings import listing
from ordersaga.saga import MAX_REASON
from ordersaga.saga.client import asked_again, is_too_many, read_until_known
from ordersaga.settings import Settings, load_settings
from ordersaga.workflows.handlers import OrderHandlers
from ordersaga.workflows.ids import workflow_id
from ordersaga.workflows.order import OrderSagaWorkflow
from ordersaga.workflows.projection import ATTENTION, CUSTOMER
from ordersaga.workflows.settlement import OrderSettlementWorkflow

QUERY_TIMEOUT = timedelta(seconds=12)
"""A query may have to wait for a workflow task whose worker was killed, and that is given up after ten seconds."""
CANCEL_PATIENCE = 60.0
RECORD_PATIENCE = timedelta(seconds=2)
"""How long a worker may take to say whether it knows of a cancel already."""
_CHUNK = 200
_SHOWN_ID = 50
"""Of a customer's id in a summary, which may have 400 bytes."""

T = TypeVar("T")
Handle = WorkflowHandle[OrderSagaWorkflow, OrderResult]


class OrderClient:
    """Orders on one Temporal namespace and task queue. Safe to share between tasks."""

    def __init__(self, temporal: Client, settings: Settings | None = None) -> None:
        self.temporal = temporal
        self.settings = settings or load_settings()
        self._searchable = True

    @classmethod
    async def connect(cls, settings: Settings | None = None, **temporal: Any) -> Self:
        """A client on the Temporal server that the environment names. Raises TemporalUnavailable, SettingsError."""
        settings = settings or load_settings()
        return cls(await connect(**temporal), settings)

    async def place_order(self, order: OrderInput) -> OrderResult:
        """Place an order, and wait for its end. Placing it again gives the same result, and does nothing else.

        Raises OrderConflict if the id is taken by an order with other content.
        """
        await self.submit_order(order)
        return await self.result(order.order_id)

    async def submit_order(self, order: OrderInput) -> PlacedOrder:
        """Place an order without waiting for its end. Raises OrderConflict like place_order.

        Raises TemporalBusy when the server is behind or silent: the order may have been placed or not. Ask again.
        """
        order = self.settings.with_policy(order)
        try:
            handle = await self._start(order)
        except WorkflowAlreadyStartedError:
            return await self._placed_before(order)
        return PlacedOrder(
            order_id=order.order_id, workflow_id=handle.id, run_id=handle.result_run_id or "", created=True
        )

    async def result(self, order_id: str) -> OrderResult:
        """Wait for an order's end. Raises OrderNotFound, TemporalBusy."""
        handle = self._handle(order_id)
        try:
            with in_our_words(order_id):
                return await self._result_of_latest(handle)
        except WorkflowFailureError as failure:
            if (settlement := await self._settlement(order_id)) is not None:
                return await self._result_of_settlement(order_id, settlement)
            view = await self._view_of_closed(handle, order_id) if endings.has_view(failure) else None
            return endings.result_without_one(order_id, failure, view)

    async def get_order_status(self, order_id: str) -> OrderStatus:
        """Where an order stands. Raises OrderNotFound, WorkerUnavailable."""
        summary = await self.get_summary(order_id)
        if summary.closed_at is not None or summary.status is OrderStatus.NEEDS_ATTENTION:
            return summary.status
        return await self._query(await self._current(order_id), order_id, OrderHandlers.get_status)

    async def get_order(self, order_id: str) -> OrderView:
        """All that is known of an order, with what its running activity's last failure was. Raises like the status."""
        handle = await self._current(order_id)
        view = await self._query(handle, order_id, OrderHandlers.get_order)
        with in_our_words(order_id):
            description = await handle.describe()
            if description.typed_search_attributes.get(ATTENTION) == Attention.MAIL_NOT_SENT:
                return await settlements.with_mail_decision(self.temporal, view)
        return endings.with_pending_activities(view, description)

    async def cancel_order(self, order_id: str, reason: str, patience: float = CANCEL_PATIENCE) -> CancelAnswer:
        """Ask for an order to be cancelled, and wait until it is certain whether it is, for `patience` seconds.

        An order that has ended is not touched: the answer says how. Raises OrderNotFound, VerdictPending.
        """
        handle = self._handle(order_id)
        try:
            return await asyncio.wait_for(self._cancel(handle, order_id, reason), patience)
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            with suppress(RPCError):
                await self._record_cancel(handle, reason)
            raise VerdictPending(
                f"The cancel of order {order_id} was asked for, but after {patience:g} s it is not certain whether it "
                "came in time. Ask again, which changes nothing, or look with `ordersaga show`."
            ) from None
        except (RPCError, WorkflowUpdateFailedError) as error:
            if isinstance(error, RPCError) and error.status is not RPCStatusCode.NOT_FOUND:
                raise translated(error, order_id, by_worker=True) from None
            return await self._cancel_of_closed(order_id)
        except RuntimeError as error:
            raise translated(error, order_id) from None

    async def get_summary(self, order_id: str) -> OrderSummary:
        """An order as a list has it, which no worker is needed for. Raises OrderNotFound."""
        with in_our_words(order_id):
            description = await self._handle(order_id).describe()
            return await endings.summary(self.temporal, description)

    async def list_orders(
        self, status: OrderStatus | None = None, customer_id: str | None = None, limit: int | None = None
    ) -> AsyncIterator[OrderSummary]:
        """Orders: those under way first, the others by their end, newest first.

        What was placed within the last second may not be listed yet.
        """
        seen, cursor = 0, None
        while True:
            page = await self.list_page(OrderFilter(status, customer_id), cursor, _CHUNK)
            for found in page.items[: None if limit is None else limit - seen]:
                yield found
            seen, cursor = seen + len(page.items), page.next
            if cursor is None or (limit is not None and seen >= limit):
                return

    async def list_page(self, wanted: OrderFilter, cursor: str | None = None, limit: int = 50) -> OrderPage:
        """Some orders, as list_orders has them, and the cursor for more. Raises InvalidCursor, TemporalUnavailable.

        In a list, an order under way is `processing` from the moment it is placed.
        """
        with in_our_words("in a list"):
            try:
                return await listing.order_page(self.temporal, wanted, cursor, limit, self._searchable)
            except RPCError as error:
                if not self._is_unsearchable(error):
                    raise
            return await listing.order_page(self.temporal, wanted, cursor, limit, self._searchable)

    async def worklist(self) -> list[WorklistItem]:
        """What waits for a person: parked steps, mails that could not be sent, runs cut off and not settled yet."""
        with in_our_words("of the worklist"):
            return [item async for item in settlements.worklist(self.temporal)]

    async def resolve(self, order_id: str, decision: OrderDecision) -> OrderView:
        """Carry out a person's decision, and tell how the order stands then. Raises DecisionRefused, OrderNotFound."""
        handle = await self._current(order_id)
        with in_our_words(order_id):
            description = await handle.describe()
        if description.status is not WorkflowExecutionStatus.RUNNING:
            return await self._resolve_mail(order_id, decision)
        try:
            return await asked_again(lambda: handle.execute_update(OrderSagaWorkflow.resolve, decision))
        except WorkflowUpdateFailedError as refused:
            raise DecisionRefused(getattr(refused.cause, "message", str(refused.cause))) from None
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise WorkerUnavailable(
                f"The decision on order {order_id} was sent, and no answer came. It may have been taken or not: "
                "look with `ordersaga show` before you decide again."
            ) from None
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise translated(error, order_id, by_worker=True) from None
            raise DecisionRefused(
                f"Order {order_id} ended before the decision reached it. Nothing was changed by the decision."
            ) from None

    # -- how

    async def _cancel(self, handle: Handle, order_id: str, reason: str) -> CancelAnswer:
        try:
            return await asked_again(
                lambda: handle.execute_update(OrderSagaWorkflow.request_cancel, reason[:MAX_REASON])
            )
        except WorkflowUpdateFailedError as refused:
            if not is_too_many(refused):
                raise
        except RPCError as error:
            if not is_not_ready(error):
                raise
            await self._record_cancel(handle, reason)
            raise VerdictPending(
                f"The cancel of order {order_id} is recorded, but the order cannot go on at the moment: its workflow "
                "task keeps failing, by a bug or because this version of the worker cannot read it. The cancel is "
                "heeded as soon as a worker runs that can. Ask again then, or look with `ordersaga show`."
            ) from None
        # Others have asked before and wait, so that it is asked for; the answer is read besides.

        async def answer() -> CancelAnswer | None:
            try:
                return await self._query(handle, order_id, OrderHandlers.get_cancel_answer)
            except WorkerUnavailable:
                return None  # whoever asks says how patient they are

        return await read_until_known(answer)

    async def _record_cancel(self, handle: Handle, reason: str) -> None:
        """See to it that a cancel is in the run's history, once. Raises RPCError.

        An update that no worker has taken yet is forgotten when the server restarts. A signal is not, but each stays in
        the history.
        """
        with suppress(RPCError, WorkflowQueryFailedError):
            if await handle.query(OrderSagaWorkflow.is_cancel_requested, rpc_timeout=RECORD_PATIENCE):
                return
        await handle.signal(OrderSagaWorkflow.cancel, reason[:MAX_REASON])

    async def _result_of_latest(self, handle: Handle) -> OrderResult:
        """A run's result; of a run that was reset, the result of the run that followed it."""
        while True:
            try:
                return await handle.result()
            except WorkflowFailureError as failure:
                if not isinstance(failure.cause, TerminatedError):
                    raise
                if (await handle.describe()).status is WorkflowExecutionStatus.TERMINATED:
                    raise

    async def _resolve_mail(self, order_id: str, decision: OrderDecision) -> OrderView:
        waiting = {item.order_id: item for item in await self.worklist()}
        item = waiting.get(order_id)
        if item is None or item.attention is not Attention.MAIL_NOT_SENT:
            raise DecisionRefused(f"Order {order_id} is not on the worklist. Nothing was changed.")
        settlements.check_mail_decision(decision)
        order = await endings.order_of(self.temporal, workflow_id(order_id))
        settlement = Settlement(
            order=order, cause=Attention.MAIL_NOT_SENT, because="its mail was not sent", decision=decision
        )
        handle = await settlements.start_settlement(
            self.temporal, self.settings.task_queue, settlement, WorkflowIDReusePolicy.ALLOW_DUPLICATE
        )
        await handle.result()
        return await self.get_order(order_id)

    async def _result_of_settlement(self, order_id: str, settlement: WorkflowHandle[Any, OrderResult]) -> OrderResult:
        try:
            with in_our_words(order_id):
                return await settlement.result()
        except WorkflowFailureError as failure:  # it was cut off too; the watcher starts another
            return endings.result_without_one(order_id, failure, None)

    async def _settlement(self, order_id: str) -> WorkflowHandle[Any, OrderResult] | None:
        with in_our_words(order_id):
            settlement = await endings.settlement_of(self.temporal, await self._handle(order_id).describe())
        if settlement is None:
            return None
        return self.temporal.get_workflow_handle_for(OrderSettlementWorkflow.run, settlement.id)

    async def _current(self, order_id: str) -> WorkflowHandle[Any, OrderResult]:
        """The run that tells of an order: its own, or its settlement if that was cut off."""
        return await self._settlement(order_id) or self._handle(order_id)

    def _handle(self, order_id: str) -> Handle:
        return self.temporal.get_workflow_handle_for(OrderSagaWorkflow.run, workflow_id(order_id))

    async def _start(self, order: OrderInput) -> Handle:
        customer = TypedSearchAttributes([SearchAttributePair(CUSTOMER, order.customer_id)])
        total = order.total
        try:
            return await self.temporal.start_workflow(
                OrderSagaWorkflow.run,
                order,
                id=workflow_id(order.order_id),
                task_queue=self.settings.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                memo={"customer_id": order.customer_id, "amount": total.amount, "currency": total.currency},
                search_attributes=customer if self._searchable else None,
                static_summary=f"{total} for {order.customer_id[:_SHOWN_ID]}, {len(order.items)} line(s)",
                static_details=endings.static_details(order),
            )
        except (RPCError, RuntimeError) as error:
            if self._is_unsearchable(error):
                return await self._start(order)
            raise translated(error, order.order_id) from None

    def _is_unsearchable(self, error: Exception) -> bool:
        """Whether this server does not know our search attributes. If so, they are left out from now on."""
        if not (self._searchable and endings.is_unknown_attribute(error)):
            return False
        self._searchable = False
        return True

    async def _placed_before(self, order: OrderInput) -> PlacedOrder:
        handle = self._handle(order.order_id)
        with in_our_words(order.order_id):
            run_id = (await handle.describe()).run_id
            try:
                before = await endings.order_of(self.temporal, handle.id)
            except InvalidOrder:
                before = None
        if before is None or not order.same_content(before):
            raise OrderConflict(
                f"Order {order.order_id} exists with other content. Nothing was started; "
                "a new order needs an order_id of its own."
            )
        return PlacedOrder(order_id=order.order_id, workflow_id=handle.id, run_id=run_id, created=False)

    async def _query(
        self, handle: WorkflowHandle[Any, OrderResult], order_id: str, query: Callable[[OrderHandlers], T]
    ) -> T:
        try:
            with in_our_words(order_id, by_worker=True):
                found: T = await handle.query(query, rpc_timeout=QUERY_TIMEOUT)
        except WorkerUnavailable:
            with suppress(RPCError):
                if endings.is_wedged(await handle.describe()):
                    raise stuck(order_id) from None
            raise
        return found

    async def _view_of_closed(self, handle: Handle, order_id: str) -> OrderView | None:
        try:
            return await self._query(handle, order_id, OrderHandlers.get_order)
        except WorkerUnavailable:
            return None

    async def _cancel_of_closed(self, order_id: str) -> CancelAnswer:
        status = (await self.get_summary(order_id)).status
        if not status.is_end:
            raise VerdictPending(
                f"The run of order {order_id} was cut off, and how the order ends is not certain before the watcher "
                "has settled it, which it does by itself. Nothing was changed. Ask again then."
            )
        cancelled = status is OrderStatus.CANCELLED
        return CancelAnswer(
            order_id=order_id,
            outcome=CancelOutcome.CANCELLED if cancelled else CancelOutcome.TOO_LATE,
            status=status,
            detail=f"order {order_id} had already ended: {status}",
        )
