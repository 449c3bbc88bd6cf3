"""The run that finishes an order after its own run has ended with something left to do."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from ordersaga.domain.errors import InvalidOrder
    from ordersaga.domain.result import OrderResult, OrderStatus
    from ordersaga.domain.worklist import Attention, OrderDecision, Recovery
    from ordersaga.orders.activities import PaymentActivities
    from ordersaga.orders.workflows.handlers import OrderHandlers
    from ordersaga.orders.workflows.register import decision_entry, failed_refund, unsent_mail
    from ordersaga.orders.workflows.steps import CHARGE, CONFIRM
    from ordersaga.saga import Choice, Decided, Decision, Outcome, UndoRequest, Verdict

_TRIES = 3
"""How many attempts a refund gets when a person retries it."""


@workflow.defn(failure_exception_types=[InvalidOrder])
class OrderRecoveryWorkflow(OrderHandlers):
    """Recovers a cut-off order with the same undos, or carries out a person's decision on a later failure."""

    @workflow.init
    def __init__(self, recovery: Recovery) -> None:
        super().__init__(recovery.order)

    @workflow.run
    async def run(self, recovery: Recovery) -> OrderResult:
        """Recover the order, and return how it ended."""
        if recovery.cause is Attention.CUT_OFF:
            return self.projection.finish(await self.run_saga(unwind_because=recovery.because))
        if recovery.cause is Attention.RESTORED:
            return self.projection.finish(await self._restore(recovery))
        decision = recovery.decision
        assert decision is not None
        if recovery.cause is Attention.REFUND_FAILED:
            return await self._decide_on_refund(recovery, decision)
        return await self._decide_on_mail(decision)

    async def _decide_on_mail(self, decided: OrderDecision) -> OrderResult:
        first = Decision(CONFIRM.name, Choice(decided.choice), decided.by, decided.note)
        entry = decision_entry(Decided(first, workflow.now()))
        await self.saga.keep(first)
        again = first.choice is Choice.RETRY
        outcome = await self.run_saga(committed=True) if again else Outcome(Verdict.STANDS)
        result = self.projection.finish(outcome, [entry])
        await self._reports.after_end(result.status, unsent_mail(list(self.saga.records.values())))
        return result

    async def _decide_on_refund(self, recovery: Recovery, decided: OrderDecision) -> OrderResult:
        assert recovery.ended is not None
        first = Decision(CHARGE.name, Choice(decided.choice), decided.by, decided.note)
        entry = decision_entry(Decided(first, workflow.now()))
        await self.saga.keep(first, undoing=True)
        why = await self._refund(recovery.because) if first.choice is Choice.RETRY else None
        total = self.order.total.amount
        attention = None if why is None else failed_refund(total, workflow.now(), why, _TRIES)
        cancelled = recovery.ended is OrderStatus.CANCELLED
        result = self.projection.finish(Outcome(Verdict.UNDONE, cancelled), [entry])
        await self._reports.after_end(recovery.ended, attention)
        return result

    async def _refund(self, because: str) -> str | None:
        """Refund the customer again, and return why that failed, if it did."""
        undo = UndoRequest(CHARGE.effect_id(self.order.order_id), because, self.order.fingerprint)
        try:
            await workflow.execute_activity_method(
                PaymentActivities.refund_payment,
                undo,
                start_to_close_timeout=timedelta(seconds=self.policy.http_timeout),
                retry_policy=RetryPolicy(maximum_attempts=_TRIES),
                summary="refund the customer once more",
            )
        except ActivityError as error:
            return str(error.cause or error)
        return None

    async def _restore(self, recovery: Recovery) -> Outcome:
        """Repeat what a completed order has lost; undo what another still has.

        The register's end of the order stays.
        """
        if recovery.ended is OrderStatus.COMPLETED:
            return await self.run_saga(committed=True)
        return await self.run_saga(unwind_because=recovery.because, registered=False)
