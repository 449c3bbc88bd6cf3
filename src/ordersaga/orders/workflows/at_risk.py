"""The money that is at risk while a step of an order waits for a person."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.domain.money import Money
    from ordersaga.domain.order import OrderInput
    from ordersaga.orders.workflows.steps import CHARGE
    from ordersaga.saga import Phase, SagaRun, StepState, Verdict

_RESOLVED = (
    StepState.REFUSED,
    StepState.UNDONE,
    StepState.NOTHING_TO_UNDO,
    StepState.DONE_BY_HAND,
    StepState.WRITTEN_OFF,
)


def money_at_risk(order: OrderInput, saga: SagaRun[OrderInput]) -> Money:
    """The order's total, while the customer may have paid for nothing or may still have to pay.

    Zero once the charge is resolved: it was never made, it was refunded, a person has decided on it, or it was made and
    the parcel has left.
    """
    state = saga.records[CHARGE.name].state
    begun = state is not StepState.PENDING or saga.phase is not Phase.FORWARD
    paid_and_shipped = state is StepState.DONE and saga.verdict is Verdict.STANDS
    return order.total if begun and state not in _RESOLVED and not paid_and_shipped else Money(0, order.currency)
