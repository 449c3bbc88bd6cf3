"""What happens to an order after its own run has ended, and something was left to do."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.domain.errors import InvalidOrder
    from ordersaga.domain.result import OrderResult, OrderStatus
    from ordersaga.domain.worklist import Attention, Settlement
    from ordersaga.saga import Choice, Decided, Decision, Outcome, Verdict
    from ordersaga.workflows.handlers import OrderHandlers
    from ordersaga.workflows.register import decision_entry, unsent_mail
    from ordersaga.workflows.steps import CONFIRM


@workflow.defn(failure_exception_types=[InvalidOrder])
class OrderSettlementWorkflow(OrderHandlers):
    """Settles an order whose run was cut off, by the same undos; or a mail that was not sent, as a person decides."""

    @workflow.init
    def __init__(self, settlement: Settlement) -> None:
        super().__init__(settlement.order)

    @workflow.run
    async def run(self, settlement: Settlement) -> OrderResult:
        """Settle it, and say how the order ended."""
        decision = settlement.decision
        if settlement.cause is Attention.CUT_OFF:
            return self.projection.finish(await self.run_saga(unwind_because=settlement.because))
        if settlement.cause is Attention.RESTORED:
            return self.projection.finish(await self._restore(settlement))
        assert decision is not None
        first = Decision(CONFIRM.name, Choice(decision.choice), decision.by, decision.note)
        entry = decision_entry(Decided(first, workflow.now()))
        await self.saga.keep(first)
        again = first.choice is Choice.RETRY
        outcome = await self.run_saga(committed=True) if again else Outcome(Verdict.STANDS)
        result = self.projection.finish(outcome, [entry])
        await self._reports.after_end(result.status, unsent_mail(list(self.saga.records.values())))
        return result

    async def _restore(self, settlement: Settlement) -> Outcome:
        """Do what a completed order has lost, undo what another still has. The register has its end, which stays."""
        if settlement.ended is OrderStatus.COMPLETED:
            return await self.run_saga(committed=True)
        return await self.run_saga(unwind_because=settlement.because, registered=False)
