"""Settlements: what is started for an order whose own run has ended while something was left to do."""

from __future__ import annotations

from collections.abc import AsyncIterator

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError

from ordersaga import endings, saga
from ordersaga.domain.errors import DecisionRefused
from ordersaga.domain.result import OrderResult, OrderStatus, OrderView, StepStatus
from ordersaga.domain.worklist import Attention, OrderDecision, Settlement, WorklistItem
from ordersaga.endings.listing import was_followed
from ordersaga.saga import Choice, Decision, PendingDecisions, StepState
from ordersaga.workflows.ids import is_settlement, order_id_of, settlement_id
from ordersaga.workflows.projection import AT_RISK, ATTENTION, CUSTOMER, SINCE
from ordersaga.workflows.settlement import OrderSettlementWorkflow
from ordersaga.workflows.steps import CONFIRM

CUT_OFF_QUERY = 'WorkflowType = "OrderSagaWorkflow" AND ExecutionStatus IN ("Failed", "Terminated", "TimedOut")'
SETTLED_QUERY = 'WorkflowType = "OrderSettlementWorkflow" AND ExecutionStatus IN ("Running", "Completed")'
_EITHER = 'WorkflowType IN ("OrderSagaWorkflow", "OrderSettlementWorkflow")'
ATTENTION_QUERY = f"{_EITHER} AND {ATTENTION.name} IS NOT NULL"
WEDGED_QUERY = f'{_EITHER} AND ExecutionStatus = "Running" AND {endings.PROBLEMS.name} IS NOT NULL'

Settling = WorkflowHandle[OrderSettlementWorkflow, OrderResult]


async def start_settlement(
    temporal: Client, task_queue: str, settlement: Settlement, reuse: WorkflowIDReusePolicy
) -> Settling:
    """Start a settlement. Raises WorkflowAlreadyStartedError if there is one already that `reuse` does not allow."""
    order, total = settlement.order, settlement.order.total

    async def start(attributes: TypedSearchAttributes | None) -> Settling:
        return await temporal.start_workflow(
            OrderSettlementWorkflow.run,
            settlement,
            id=settlement_id(order.order_id),
            task_queue=task_queue,
            id_reuse_policy=reuse,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            memo={"customer_id": order.customer_id, "amount": total.amount, "currency": total.currency},
            search_attributes=attributes,
            static_summary=f"settles order {order.order_id}: {settlement.because}",
        )

    try:
        return await start(TypedSearchAttributes([SearchAttributePair(CUSTOMER, order.customer_id)]))
    except RPCError as error:
        if not endings.is_unknown_attribute(error):
            raise
    return await start(None)


async def worklist(temporal: Client) -> AsyncIterator[WorklistItem]:
    """What waits for a person. An order that was cut off is on it until its settlement has begun.

    What the server cannot search for, because it does not know the search attribute, is left out.
    """
    for executions in (
        _not_settled(temporal),
        _searchable(temporal, ATTENTION_QUERY),
        wedged_orders(temporal),
    ):
        async for execution in executions:
            if (item := await item_of(temporal, execution)) is not None:
                yield item


async def _not_settled(temporal: Client) -> AsyncIterator[WorkflowExecution]:
    """The runs that were cut off, without those whose settlement is known, so that nobody asks for each of them."""
    settled = {order_id_of(execution) async for execution in temporal.list_workflows(SETTLED_QUERY)}
    async for execution in temporal.list_workflows(CUT_OFF_QUERY):
        if order_id_of(execution) not in settled:
            yield execution


def wedged_orders(temporal: Client) -> AsyncIterator[WorkflowExecution]:
    """The runs of orders, and of their settlements, whose workflow task keeps failing."""
    return _searchable(temporal, WEDGED_QUERY)


async def _searchable(temporal: Client, query: str) -> AsyncIterator[WorkflowExecution]:
    try:
        async for execution in temporal.list_workflows(query):
            yield execution
    except RPCError as error:
        if not endings.is_unknown_attribute(error):
            raise


async def item_of(temporal: Client, execution: WorkflowExecution) -> WorklistItem | None:
    """What a run, of an order or of its settlement, has on the worklist. Nothing, if another tells of the order now."""
    if execution.status in endings.CUT_OFF and not is_settlement(execution):
        order = await endings.summary(temporal, execution)
        cut_off = order.status is OrderStatus.NEEDS_ATTENTION and not await was_followed(temporal, execution)
        if cut_off and await endings.settlement_of(temporal, execution) is None:
            return await _item(execution, Attention.CUT_OFF, order.status)
        return None
    attention = execution.typed_search_attributes.get(ATTENTION)
    if endings.is_wedged(execution):
        return await _item(execution, Attention.WEDGED, OrderStatus.NEEDS_ATTENTION)
    if attention == Attention.PARKED and execution.status is WorkflowExecutionStatus.RUNNING:
        return await _item(execution, Attention.PARKED, OrderStatus.NEEDS_ATTENTION)
    if attention == Attention.MAIL_NOT_SENT and await _is_latest(temporal, execution):
        return await _item(execution, Attention.MAIL_NOT_SENT, OrderStatus.COMPLETED)
    return None


def check_mail_decision(decision: OrderDecision) -> None:
    """Raise DecisionRefused unless a mail that was not sent can be decided on like this."""
    decisions = PendingDecisions()
    decisions.open(CONFIRM.name)
    try:
        decisions.check(Decision(decision.step or CONFIRM.name, Choice(decision.choice), decision.by, decision.note))
    except saga.DecisionRefused as refused:
        raise DecisionRefused(str(refused)) from None


async def with_mail_decision(temporal: Client, view: OrderView) -> OrderView:
    """The view of an order whose mail was not sent, with what has been decided and done about that since."""
    settlement = await endings.find_settlement(temporal, view.order_id)
    if settlement is None or settlement.status is not WorkflowExecutionStatus.COMPLETED:
        return view
    handle: Settling = temporal.get_workflow_handle_for(OrderSettlementWorkflow.run, settlement.id)
    result: OrderResult = await handle.result()
    begun = [step for step in result.steps if step.state != StepState.PENDING]
    steps = {step.name: StepStatus(**step.model_dump()) for step in begun}
    return view.model_copy(
        update={
            "decisions": [*view.decisions, *result.decisions],
            "steps": [steps.get(step.name, step) for step in view.steps],
        }
    )


async def _is_latest(temporal: Client, execution: WorkflowExecution) -> bool:
    """Whether nothing has been done about it since. A settlement that was cut off has done nothing that counts."""
    settlement = await endings.find_settlement(temporal, order_id_of(execution))
    return settlement is None or settlement.run_id == execution.run_id or settlement.status in endings.CUT_OFF


async def _item(execution: WorkflowExecution, attention: Attention, status: OrderStatus) -> WorklistItem:
    memo = await endings.memo_of(execution)
    found = execution.typed_search_attributes
    at_risk = memo.get("amount") if found.get(AT_RISK) != 0 else "0"
    return WorklistItem(
        order_id=order_id_of(execution),
        attention=attention,
        status=status,
        since=found.get(SINCE) or execution.close_time or execution.start_time,
        customer_id=memo.get("customer_id"),
        amount_at_risk=at_risk,
        currency=memo.get("currency"),
        run_id=execution.run_id,
        workflow_id=execution.id,
    )
