"""The handlers of an order's run: cancels, people's decisions, and queries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow

from ordersaga.domain.order import OrderInput, OrderPolicy, UnreadOrder
from ordersaga.domain.result import CancelAnswer, CancelOutcome, OrderStatus, OrderView
from ordersaga.domain.worklist import OrderDecision
from ordersaga.orders.workflows.progress import ProgressReports
from ordersaga.orders.workflows.projection import OrderProjection
from ordersaga.orders.workflows.steps import saga_policy
from ordersaga.orders.workflows.story import ORDER_SAGA
from ordersaga.saga import (
    CancelRequests,
    Choice,
    Decision,
    Outcome,
    Saga,
    SagaEvent,
    SagaRun,
    StoryError,
    Verdict,
    read_cancel,
)
from ordersaga.saga.waiting import wait_until

PLACED_BY_CLIENT = "customer_id"
"""In the memo of every order that our client has placed. The client has validated the order, and the register has
accepted it."""


class OrderHandlers:
    """An order, its saga, its projection, and the handlers of signals, updates and queries."""

    def __init__(self, order: OrderInput) -> None:
        _check_read(order)
        self.order = order
        self.policy = order.policy or OrderPolicy()
        self._cancels = CancelRequests()
        self.use(ORDER_SAGA)

    def use(self, saga: Saga[OrderInput]) -> None:
        """Set the saga to run. For `__init__`, before anything has happened."""
        claimed = PLACED_BY_CLIENT in workflow.info().raw_memo
        policy = saga_policy(self.policy)
        self.saga = SagaRun(saga, self.order, self.order.order_id, policy, self._sync, claimed)
        self.projection = OrderProjection(self.order, self.saga)
        self._reports = ProgressReports(self.projection, timedelta(seconds=self.policy.http_timeout))

    @workflow.signal
    def cancel(self, *reason: Any) -> None:
        """Request the order's cancellation. A signal has no answer; for one, use request_cancel."""
        self.saga.cancel(*read_cancel(reason))

    @workflow.update
    async def request_cancel(self, *reason: Any) -> CancelAnswer:
        """Request the order's cancellation, and answer once the outcome is certain."""
        await self._cancels.answer(self.saga, reason)
        await wait_until(lambda: self._cancel_answer() is not None)
        answer = self._cancel_answer()
        assert answer is not None
        return answer

    @request_cancel.validator
    def _check_cancel(self, *reason: Any) -> None:
        self._cancels.check()

    @workflow.update
    async def resolve(self, decision: OrderDecision) -> OrderView:
        """Carry out a person's decision on a parked step, and return the order's state afterwards."""
        await self.saga.resolve(self._decision(decision))
        return self.projection.view()

    @resolve.validator
    def _check_decision(self, decision: OrderDecision) -> None:
        self.saga.decisions.check(self._decision(decision))

    @workflow.query
    def get_status(self) -> OrderStatus:
        """The order's status."""
        return self.projection.status

    @workflow.query
    def get_order(self) -> OrderView:
        """Everything known about the order."""
        return self.projection.view()

    @workflow.query
    def get_cancel_answer(self) -> CancelAnswer | None:
        """The answer of request_cancel, once it is certain."""
        return self._cancel_answer()

    @workflow.query
    def is_cancel_requested(self) -> bool:
        """Whether somebody has requested the order's cancellation."""
        return self.saga.cancel_reason is not None

    def _cancel_answer(self) -> CancelAnswer | None:
        """None while it is not certain whether the order is cancelled."""
        verdict = self.saga.verdict
        cancelled = verdict is Verdict.UNDONE and (
            self.saga.cancel_reason is not None or self.projection.status is OrderStatus.CANCELLED
        )
        if verdict is None or (verdict is Verdict.UNDONE and not cancelled and self.saga.outcome is None):
            return None
        outcome = CancelOutcome.CANCELLED if cancelled else CancelOutcome.TOO_LATE
        return CancelAnswer(order_id=self.order.order_id, outcome=outcome, status=self.projection.status)

    def _decision(self, decision: OrderDecision) -> Decision:
        waiting = self.saga.decisions.waiting
        step = decision.step or (waiting[0] if len(waiting) == 1 else f"one of {len(waiting)} steps")
        return Decision(step, Choice(decision.choice), decision.by, decision.note)

    async def run_saga(
        self, *, unwind_because: str | None = None, committed: bool = False, registered: bool = True
    ) -> Outcome:
        """Run the saga to its end. Meanwhile, report to the register what waits for a person."""
        try:
            return await self.saga.run(unwind_because=unwind_because, committed=committed, registered=registered)
        finally:
            await self._reports.end()

    def _sync(self, event: SagaEvent) -> None:
        self.projection.sync(event)
        self._reports.check()


def _check_read(order: OrderInput) -> None:
    """Raise InvalidOrder, which ends the run, for an order from another SDK that breaks the rules.

    An order from our client was checked by a version that could read it, so it may already have effects. It fails the
    workflow task instead, and waits for a worker of such a version.
    """
    if isinstance(order, UnreadOrder):
        if PLACED_BY_CLIENT in workflow.info().raw_memo:
            raise StoryError(f"This version of the worker cannot read the order: {order.problem}") from order.problem
        raise order.problem
