"""Which run is of which order: told by the workflow's type and its whole id, never by how an order's id begins."""

from __future__ import annotations

from temporalio.client import WorkflowExecution

from ordersaga.workflows.settlement import OrderSettlementWorkflow

_ORDER = "order-"
_SETTLEMENT = "settle-"


def workflow_id(order_id: str) -> str:
    """The id of an order's workflow."""
    return f"{_ORDER}{order_id}"


def settlement_id(order_id: str) -> str:
    """The id of the workflow that settles an order."""
    return f"{_SETTLEMENT}{order_id}"


def is_settlement(execution: WorkflowExecution) -> bool:
    """Whether a run settles an order, and is not the order's own."""
    return execution.workflow_type == OrderSettlementWorkflow.__name__


def order_id_of(execution: WorkflowExecution) -> str:
    """The id of the order that a run is of."""
    return execution.id.removeprefix(_SETTLEMENT if is_settlement(execution) else _ORDER)
