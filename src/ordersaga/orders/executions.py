"""Reads orders from Temporal's own records: summaries, and the ends of runs that have no result of the workflow."""

from __future__ import annotations

from typing import Any

import structlog
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.domain.errors import InvalidOrder
from ordersaga.domain.order import OrderInput, UnreadOrder
from ordersaga.domain.result import OrderResult, OrderStatus, OrderSummary, OrderView
from ordersaga.orders.workflows.ids import is_recovery, order_id_of, recovery_id, workflow_id
from ordersaga.orders.workflows.projection import CUSTOMER, SEARCH_ATTRIBUTES, STATUS
from ordersaga.saga.pending_activities import PendingActivities

log = structlog.get_logger(__name__)

INVALID_ORDER = "InvalidOrder"
CUT_OFF = (
    WorkflowExecutionStatus.TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT,
    WorkflowExecutionStatus.FAILED,
)
"""The statuses of runs that ended without their workflow code ending them."""
_SHOWN_LINES = 10
PROBLEMS = SearchAttributeKey.for_keyword_list("TemporalReportedProblems")
"""The server sets it on a run whose workflow task has failed five times in a row."""


async def summary(temporal: Client, execution: WorkflowExecution) -> OrderSummary:
    """An order as Temporal lists it. A cut-off order is shown as its recovery, once there is one."""
    memo = await memo_of(execution)
    current = await recovery_of(temporal, execution) or execution
    return OrderSummary(
        order_id=order_id_of(execution),
        status=await _status(temporal, current),
        run_id=execution.run_id,
        started_at=execution.start_time,
        closed_at=current.close_time,
        customer_id=memo.get("customer_id") or execution.typed_search_attributes.get(CUSTOMER),
        amount=memo.get("amount"),
        currency=memo.get("currency"),
    )


async def memo_of(execution: WorkflowExecution) -> dict[str, str]:
    """The memo that was set when an order was placed; empty if another codec wrote it."""
    try:
        memo = await execution.memo()
    except Exception as error:  # codecs and converters may raise anything, and one order must not break a list
        log.warning("the memo of a run cannot be decoded", workflow_id=execution.id, problem=str(error))
        return {}
    return {name: value for name, value in memo.items() if isinstance(value, str)}


async def order_of(temporal: Client, workflow_id: str, run_id: str | None = None) -> OrderInput:
    """The order with which a run was started. Raises InvalidOrder if the input was not an order."""
    handle = temporal.get_workflow_handle(workflow_id, run_id=run_id)
    first = await anext(handle.fetch_history_events(page_size=1))
    payloads = first.workflow_execution_started_event_attributes.input.payloads
    try:
        (order,) = await temporal.data_converter.decode(payloads, [OrderInput])
    except (InvalidOrder, ValueError, LookupError, RuntimeError) as error:
        raise InvalidOrder([("", f"{workflow_id} was not started with an order ({error})")]) from None
    assert isinstance(order, OrderInput)
    if isinstance(order, UnreadOrder):
        raise order.problem
    return order


async def recovery_of(temporal: Client, execution: WorkflowExecution) -> WorkflowExecutionDescription | None:
    """The recovery of an order whose run was cut off, if there is one."""
    if execution.status not in CUT_OFF or is_recovery(execution):
        return None
    return await find_recovery(temporal, order_id_of(execution))


async def current_run(temporal: Client, order_id: str) -> WorkflowExecutionDescription | None:
    """The current run of an order: its own, or its recovery if that was cut off; None if Temporal has none.

    Temporal may have deleted the order's own run while its recovery still waits for a person.
    """
    return await current_of(temporal, order_id, await described(temporal, workflow_id(order_id)))


async def current_of(
    temporal: Client, order_id: str, own: WorkflowExecutionDescription | None
) -> WorkflowExecutionDescription | None:
    """The current run of an order, given the order's own run."""
    if own is not None:
        return await recovery_of(temporal, own) or own
    recovery = await find_recovery(temporal, order_id)
    return recovery if recovery is not None and recovery.close_time is None else None


async def find_recovery(temporal: Client, order_id: str) -> WorkflowExecutionDescription | None:
    """The latest recovery of an order, if there is one."""
    return await described(temporal, recovery_id(order_id))


async def described(temporal: Client, name: str) -> WorkflowExecutionDescription | None:
    """The latest run of a workflow, if Temporal has one. Raises RPCError."""
    try:
        return await temporal.get_workflow_handle(name).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def was_followed(temporal: Client, execution: WorkflowExecution) -> bool:
    """Whether another run has replaced this one: a reset terminates a run, and the order continues in the next."""
    return (await temporal.get_workflow_handle(execution.id).describe()).run_id != execution.run_id


def is_wedged(execution: WorkflowExecution) -> bool:
    """Whether a run makes no progress because its workflow task keeps failing."""
    running = execution.status is WorkflowExecutionStatus.RUNNING
    return running and bool(execution.typed_search_attributes.get(PROBLEMS))


def is_unknown_attribute(error: Exception) -> bool:
    """Whether the server rejected a call because it does not know one of our search attributes."""
    refused = isinstance(error, RPCError) and error.status is RPCStatusCode.INVALID_ARGUMENT
    return refused and any(key.name in str(error) for key in (*SEARCH_ATTRIBUTES, PROBLEMS))


async def _status(temporal: Client, execution: WorkflowExecution) -> OrderStatus:
    written = execution.typed_search_attributes.get(STATUS)
    match execution.status:
        case WorkflowExecutionStatus.RUNNING if is_wedged(execution):
            return OrderStatus.NEEDS_ATTENTION
        case WorkflowExecutionStatus.RUNNING:
            return OrderStatus(written) if written else OrderStatus.PROCESSING
        case WorkflowExecutionStatus.CANCELED:
            return OrderStatus.CANCELLED
        case WorkflowExecutionStatus.COMPLETED if written:
            return OrderStatus(written)
        case WorkflowExecutionStatus.COMPLETED if execution.typed_search_attributes.get(CUSTOMER) is not None:
            return OrderStatus.COMPLETED
    # Without our search attributes, only the result has the status.
    return (await result_of_run(temporal, order_id_of(execution), execution)).status


async def result_of_run(temporal: Client, order_id: str, execution: WorkflowExecution) -> OrderResult:
    """The result of a run that has ended, even if it returned none."""
    handle = temporal.get_workflow_handle(execution.id, run_id=execution.run_id, result_type=OrderResult)
    try:
        result: OrderResult = await handle.result(follow_runs=False)
    except WorkflowFailureError as failure:
        return result_without_one(order_id, failure, None)
    return result


async def result_of_latest(handle: WorkflowHandle[Any, OrderResult]) -> OrderResult:
    """The result of a run or, if it was reset, of the run that followed it."""
    while True:
        try:
            return await handle.result()
        except WorkflowFailureError as failure:
            if not isinstance(failure.cause, TerminatedError):
                raise
            if (await handle.describe()).status is WorkflowExecutionStatus.TERMINATED:
                raise


def has_view(failure: WorkflowFailureError) -> bool:
    """Whether a run without a result can still be queried for what it did."""
    return isinstance(failure.cause, CancelledError)


def result_without_one(order_id: str, failure: WorkflowFailureError, view: OrderView | None) -> OrderResult:
    """The result of a run that returned none: it was cancelled through Temporal, refused at its start, or cut off."""
    cause = failure.cause
    if isinstance(cause, CancelledError):
        status, error = OrderStatus.CANCELLED, None
    elif isinstance(cause, ApplicationError) and cause.type == INVALID_ORDER:
        status, error = OrderStatus.FAILED, cause.message
    else:
        status = OrderStatus.NEEDS_ATTENTION
        error = f"The run was cut off ({cause}). Its effects stay until the watcher has recovered it."
    if view is None:
        return OrderResult(order_id=order_id, status=status, error=error)
    known = view.model_dump(
        include={"order_id", "amount", "currency", "cancel_reason", "refusal", "steps", "decisions"}
    )
    return OrderResult(**known, status=status, error=error or view.error)


def with_pending_activities(view: OrderView, description: WorkflowExecutionDescription) -> OrderView:
    """The view, with Temporal's data about activities that are being retried: attempts, last failure, next attempt."""
    pending = PendingActivities.of(description)
    return view.model_copy(update={"steps": [step.model_copy(update=pending.changes(step)) for step in view.steps]})


def static_details(order: OrderInput) -> str:
    """The first few lines of an order for Temporal's Web UI, in Markdown."""
    lines = [f"- {item.quantity} x {item.sku} at {item.price} {order.currency}" for item in order.items[:_SHOWN_LINES]]
    more = len(order.items) - len(lines)
    return "\n".join([*lines, *([f"- and {more} more"] if more else [])])
