"""Maps workflow ids to orders. The workflow's type and its whole id decide, never a prefix of an order's id."""

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
    """Whether a run is the recovery of an order, not the order's own run."""
    return execution.workflow_type == OrderRecoveryWorkflow.__name__


def order_id_of(execution: WorkflowExecution) -> str:
    """The id of a run's order."""
    return execution.id.removeprefix(_RECOVERY if is_recovery(execution) else _ORDER)
