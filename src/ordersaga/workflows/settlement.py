"""What happens to an order after its own run has ended, and something was left to do."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.domain.errors import InvalidOrder
    from ordersaga.domain.result import OrderResult
    from ordersaga.domain.worklist import Attention, Settlement
    from ordersaga.saga import Ending, Verdict
    from ordersaga.workflows.handlers import OrderHandlers


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
            ending = await self.saga.run(unwind_because=settlement.because)
        elif decision is None or decision.choice == "retry":
            ending = await self.saga.run(committed=True)
        else:
            ending = Ending(Verdict.STANDS)
        result = self.report.ended(ending, decision)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result
