"""The worklist: what the register has on it, and the runs that are wedged in Temporal."""

from __future__ import annotations

import structlog
from temporalio.client import Client, WorkflowExecution

from ordersaga.contracts.register import AttentionStep, OrderEntry, OrderRecord
from ordersaga.domain.errors import DecisionRefused, Unavailable
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention, OrderDecision, WaitingStep, Worklist, WorklistItem, arranged
from ordersaga.orders import executions
from ordersaga.orders.connection import translate_rpc_errors
from ordersaga.orders.recovery.recoveries import DECIDED_ON, carry_out_decision, wedged_orders
from ordersaga.orders.register.orders import OrderRegister, order_of_record, summary_of
from ordersaga.orders.workflows.ids import order_id_of, workflow_id
from ordersaga.orders.workflows.projection import AT_RISK, SINCE

log = structlog.get_logger(__name__)

WITHOUT_WEDGED = "Orders whose run is wedged are missing, because Temporal does not answer:"


async def read_worklist(temporal: Client, register: OrderRegister) -> Worklist:
    """Read the whole worklist with one call to the register and one to Temporal. Raises ServiceUnavailable.

    While Temporal does not answer, the wedged runs are missing, and `problem` says so.
    """
    registered = await registered_items(register)
    try:
        wedged, problem = await wedged_items(temporal), None
    except Unavailable as error:
        wedged, problem = [], f"{WITHOUT_WEDGED} {error}"
    return Worklist(items=together(registered, wedged), problem=problem)


async def worklist_items(temporal: Client, register: OrderRegister) -> list[WorklistItem]:
    """The items of the worklist; the log says if some may be missing. Raises ServiceUnavailable."""
    found = await read_worklist(temporal, register)
    if found.problem:
        log.warning("wedged runs are missing from the worklist", problem=found.problem)
    return found.items


async def registered_items(register: OrderRegister) -> list[WorklistItem]:
    """The items that runs and the watcher have reported to the register. Raises ServiceUnavailable."""
    return [item async for entry in register.worklist() if (item := waiting_item(entry)) is not None]


async def wedged_items(temporal: Client) -> list[WorklistItem]:
    """The runs whose workflow task keeps failing now. Raises TemporalUnavailable, TemporalBusy."""
    with translate_rpc_errors():
        return [await wedged_item(execution) async for execution in wedged_orders(temporal)]


def together(registered: list[WorklistItem], wedged: list[WorklistItem]) -> list[WorklistItem]:
    """One item per order. A wedged run accepts no decisions, whatever it has reported before."""
    items = {item.order_id: item for item in registered} | {item.order_id: item for item in wedged}
    return arranged(items.values())


def waiting_item(entry: OrderEntry) -> WorklistItem | None:
    """The worklist item of the register's entry, if the order is on the worklist."""
    attention = entry.attention
    if attention is None:
        return None
    known = attention.kind in list(Attention)
    return WorklistItem(
        order_id=entry.order_id,
        attention=Attention(attention.kind) if known else Attention.OTHER,
        status=summary_of(entry).status,
        since=attention.since,
        customer_id=entry.customer_id,
        amount_at_risk=attention.amount_at_risk,
        currency=entry.currency,
        steps=[_waiting_step(step) for step in attention.steps],
        workflow_id=workflow_id(entry.order_id),
    )


async def wedged_item(execution: WorkflowExecution) -> WorklistItem:
    """The worklist item of a wedged run."""
    memo = await executions.memo_of(execution)
    found = execution.typed_search_attributes
    return WorklistItem(
        order_id=order_id_of(execution),
        attention=Attention.WEDGED,
        status=OrderStatus.NEEDS_ATTENTION,
        since=found.get(SINCE) or execution.start_time,
        customer_id=memo.get("customer_id"),
        amount_at_risk="0" if found.get(AT_RISK) == 0 else memo.get("amount"),
        currency=memo.get("currency"),
        run_id=execution.run_id,
        workflow_id=execution.id,
    )


async def recover_ended(temporal: Client, task_queue: str, record: OrderRecord, decision: OrderDecision) -> None:
    """Carry out a decision on an ended order's email or refund. Raises DecisionRefused."""
    order_id, attention = record.order_id, record.attention
    if record.ending is None:
        raise DecisionRefused(
            f"Order {order_id} has no run that could accept a decision. Nothing was changed. The watcher restarts the "
            "order by itself."
        )
    if attention is None or attention.kind not in DECIDED_ON:
        raise DecisionRefused(
            f"Order {order_id} is not on the worklist, so there is nothing to decide. Nothing was changed."
        )
    order = order_of_record(record)
    if order is None:
        raise DecisionRefused(f"This version of ordersaga cannot read order {order_id}. Nothing was changed.")
    await carry_out_decision(temporal, task_queue, order, Attention(attention.kind), record.ending.status, decision)


def _waiting_step(step: AttentionStep) -> WaitingStep:
    return WaitingStep(name=step.step, **step.model_dump(exclude={"step"}))
