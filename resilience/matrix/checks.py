"""Checks a cell by its order's answer and the proxy's log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from temporalio.client import WorkflowExecutionStatus

from ordersaga.domain.result import OrderResult, OrderStatus
from ordersaga.stack.faults import Fault, Fired, Kind
from resilience.matrix.cell import Cell, End
from resilience.matrix.scenario import Scenario


def check_end(cell: Cell, end: End) -> list[str]:
    """Report an end that the cell does not allow."""
    for allowed in cell.expected.ends:
        refusal = allowed.refusal or (None if end.status is OrderStatus.FAILED else end.refusal)
        if end == replace(allowed, refusal=refusal):
            return []
    return [f"it ended {end}, but should have ended {' or '.join(map(str, cell.expected.ends))}"]


def check_answer(cell: Cell, result: OrderResult) -> list[str]:
    """Check that a completed order's answer has the ids of its live effects, and other answers have none."""
    named = {
        "reservation": result.reservation_id,
        "payment": result.payment_id,
        "shipment": result.shipment_id,
        "tracking number": result.tracking_number,
        "email": result.message_id,
    }
    there = {name for name, each in named.items() if each}
    wanted = set(named) if result.status is OrderStatus.COMPLETED else set()
    if cell.expected.without_mail:
        wanted -= {"email"}
    if there == wanted:
        return []
    names, expected = (", ".join(sorted(each)) or "none" for each in (there, wanted))
    return [f"it is {result.status}, and its answer lists these live effects: {names}; expected: {expected}"]


async def check_close(scenario: Scenario, end: End) -> list[str]:
    """Report a natively cancelled run that Temporal does not show as Canceled."""
    if not scenario.cell.expected.closed_as_cancelled or end.status is not OrderStatus.CANCELLED:
        return []
    status = (await scenario.handle.describe()).status
    return [] if status is WorkflowExecutionStatus.CANCELED else [f"Temporal shows its run as {status}, not Canceled"]


def check_faults_fired(scenario: Scenario) -> list[str]:
    """Report faults that did not happen as intended."""
    log = scenario.env.proxy.fired(order_id=scenario.order_id)
    found = [_check_fired(fault, log) for fault in scenario.faults]
    return [problem for problem in found if problem]


def _check_fired(fault: Fault, log: Iterable[Fired]) -> str | None:
    fault_text = f"{fault.kind} at {fault.call}"
    mine = [
        each
        for each in log
        if (each.kind, each.call) == (fault.kind, fault.call) and (not fault.attempts or each.attempt in fault.attempts)
    ]
    if not mine:
        return f"{fault_text} did not happen"
    acted = [each for each in mine if each.status is not None]
    if fault.kind is Kind.HOLD_BACK and not acted:
        return f"{fault_text} never reached the service"
    if fault.kind.has_effect and not any(each.status and each.status < 300 for each in mine):
        return f"{fault_text} had no effect: the service answered {[each.status for each in mine]}"
    if fault.kind.has_effect is False and acted:
        return f"{fault_text} reached the service"
    return None
