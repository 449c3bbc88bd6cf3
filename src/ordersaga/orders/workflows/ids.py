"""Which run is of which order: told by the workflow's type and its whole id, never by how an order's id begins."""

from __future__ import annotations

from temporalio.client import WorkflowExecution

from ordersaga.orders.workflows.recovery import OrderRecoveryWorkflow

_ORDER = "order-"
_RECOVERY = "recover-"


def workflow_id(order_id: str) -> str:
    """The id of an order's workflow."""
    return f"{_ORDER}{order_id}"


def recovery_id(order_id: str) -> str:
    """The id of the workflow that recovers an order."""
    return f"{_RECOVERY}{order_id}"


def is_recovery(execution: WorkflowExecution) -> bool:
    """Whether a run recovers an order, and is not the order's own."""
    return execution.workflow_type == OrderRecoveryWorkflow.__name__


def order_id_of(execution: WorkflowExecution) -> str:
    """The id of the order that a run is of."""
    return execution.id.removeprefix(_RECOVERY if is_recovery(execution) else _ORDER)
