"""What Temporal knows about an order while no worker answers."""

from __future__ import annotations

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus

from ordersaga.domain.result import OrderSummary, OrderView, StepStatus, TimelineEntry
from ordersaga.orders import executions
from ordersaga.orders.workflows.story import ORDER_SAGA
from ordersaga.saga import StepState


async def view_without_worker(
    temporal: Client, summary: OrderSummary, current: WorkflowExecutionDescription
) -> OrderView:
    """The view from Temporal's data: the result of an ended run, or the pending activities of a running one."""
    if current.status is WorkflowExecutionStatus.RUNNING:
        return _running(summary, current)
    result = await executions.result_of_run(temporal, summary.order_id, current)
    known = result.model_dump(
        include={"steps", "tracking_number", "error", "refusal", "cancel_reason", "decisions"}, exclude_none=True
    )
    return _view(summary, **known)


def _running(summary: OrderSummary, current: WorkflowExecutionDescription) -> OrderView:
    pending = {each.activity_id for each in current.raw_description.pending_activities}
    steps = []
    for step in ORDER_SAGA.steps:
        effect_id = step.effect_id(summary.order_id)
        undoing = f"undo {effect_id}" in pending
        if undoing or f"do {effect_id}" in pending:
            state = StepState.UNDOING if undoing else StepState.RUNNING
            steps.append(StepStatus(name=step.name, id=effect_id, state=state, undoing=undoing))
    return executions.with_pending_activities(_view(summary, steps=steps), current)


def _view(summary: OrderSummary, **known: object) -> OrderView:
    timeline = [TimelineEntry(at=summary.started_at, kind="placed")]
    if summary.closed_at is not None:
        timeline.append(TimelineEntry(at=summary.closed_at, kind="ended", state=summary.status))
    return OrderView.model_validate(
        {
            "order_id": summary.order_id,
            "status": summary.status,
            "amount": summary.amount or "0",
            "currency": summary.currency or "",
            "steps": [],
            "timeline": timeline,
            **known,
        }
    )
