"""Recoveries: the runs that finish an order whose own run has ended with something left to do."""

from __future__ import annotations

from collections.abc import AsyncIterator

from temporalio.client import Client, WorkflowExecution, WorkflowHandle
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from ordersaga import saga
from ordersaga.domain.errors import DecisionRefused
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderResult, OrderStatus
from ordersaga.domain.worklist import Attention, OrderDecision, Recovery
from ordersaga.orders import executions
from ordersaga.orders.workflows.ids import recovery_id
from ordersaga.orders.workflows.projection import CUSTOMER
from ordersaga.orders.workflows.recovery import OrderRecoveryWorkflow
from ordersaga.orders.workflows.steps import CHARGE, CONFIRM
from ordersaga.saga import Choice, Decision, PendingDecisions

_CUT_OFF = ", ".join(f'"{status.name.title().replace("_", "")}"' for status in executions.CUT_OFF)
CUT_OFF_QUERY = f'WorkflowType = "OrderSagaWorkflow" AND ExecutionStatus IN ({_CUT_OFF})'
RECOVERIES_QUERY = 'WorkflowType = "OrderRecoveryWorkflow" AND ExecutionStatus IN ("Running", "Completed")'
_EITHER = 'WorkflowType IN ("OrderSagaWorkflow", "OrderRecoveryWorkflow")'
WEDGED_QUERY = f'{_EITHER} AND ExecutionStatus = "Running" AND {executions.PROBLEMS.name} IS NOT NULL'

RecoveryHandle = WorkflowHandle[OrderRecoveryWorkflow, OrderResult]


async def start_recovery(
    temporal: Client, task_queue: str, recovery: Recovery, reuse: WorkflowIDReusePolicy
) -> RecoveryHandle:
    """Start a recovery. Raises WorkflowAlreadyStartedError if `reuse` does not allow to replace an existing one."""
    order, total = recovery.order, recovery.order.total

    async def start(attributes: TypedSearchAttributes | None) -> RecoveryHandle:
        return await temporal.start_workflow(
            OrderRecoveryWorkflow.run,
            recovery,
            id=recovery_id(order.order_id),
            task_queue=task_queue,
            id_reuse_policy=reuse,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            memo={"customer_id": order.customer_id, "amount": total.amount, "currency": total.currency},
            search_attributes=attributes,
            static_summary=f"recovers order {order.order_id}: {recovery.because}",
        )

    try:
        return await start(TypedSearchAttributes([SearchAttributePair(CUSTOMER, order.customer_id)]))
    except RPCError as error:
        if not executions.is_unknown_attribute(error):
            raise
    return await start(None)


def wedged_orders(temporal: Client) -> AsyncIterator[WorkflowExecution]:
    """The runs of orders and recoveries whose workflow task keeps failing."""
    return _searchable(temporal, WEDGED_QUERY)


async def _searchable(temporal: Client, query: str) -> AsyncIterator[WorkflowExecution]:
    try:
        async for execution in temporal.list_workflows(query):
            yield execution
    except RPCError as error:
        if not executions.is_unknown_attribute(error):
            raise


DECIDED_ON: dict[Attention, tuple[str, str]] = {
    Attention.MAIL_NOT_SENT: (CONFIRM.name, "its mail was not sent"),
    Attention.REFUND_FAILED: (CHARGE.name, "its refund has failed later"),
}
"""The step and the reason for each kind of decision on an order that has ended."""


async def carry_out_decision(
    temporal: Client, task_queue: str, order: OrderInput, cause: Attention, ended: OrderStatus, decision: OrderDecision
) -> None:
    """Carry out a person's decision on something that an ended order has left undone. Raises DecisionRefused."""
    step, because = DECIDED_ON[cause]
    _check_decision(step, decision)
    recovery = Recovery(order=order, cause=cause, because=because, decision=decision, ended=ended)
    try:
        handle = await start_recovery(temporal, task_queue, recovery, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
    except WorkflowAlreadyStartedError:
        raise DecisionRefused(
            f"A decision on order {order.order_id} is being carried out at the moment. Nothing was changed. "
            "Try again when it has ended."
        ) from None
    await handle.result()


def _check_decision(step: str, decision: OrderDecision) -> None:
    """Raise DecisionRefused unless this decision is possible on this step."""
    decisions = PendingDecisions()
    decisions.open(step)
    try:
        decisions.check(Decision(decision.step or step, Choice(decision.choice), decision.by, decision.note))
    except saga.DecisionRefused as refused:
        raise DecisionRefused(str(refused)) from None
