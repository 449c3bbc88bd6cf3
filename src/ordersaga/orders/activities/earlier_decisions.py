"""People's earlier decisions. A run that was reset to a moment before a decision does not know about it."""

from __future__ import annotations

from temporalio import activity

from ordersaga.contracts.register import DecisionRecord, UnwindRequest
from ordersaga.domain.errors import NotFound, NotYours
from ordersaga.orders.activities.calling import attempt, map_service_errors, time_for_call
from ordersaga.orders.service_clients import RegisterClient
from ordersaga.saga import Choice, UndoOutcome, UndoRequest, UndoResult
from ordersaga.saga.undoing import CARRIED_OUT


async def earlier_decision(register: RegisterClient | None, undo: UndoRequest, step: str) -> UndoResult | None:
    """Return the result of an earlier decision on this undo. Only a run that was reset has to ask the register."""
    if register is None or undo.first_run in ("", activity.info().workflow_run_id):
        return None
    request = UnwindRequest(owner=undo.owner, reason=undo.reason)  # already written; the answer has the decisions
    with map_service_errors():
        try:
            standing = await register.unwind(undo.id.partition("-")[2], request, time_for_call())
        except (NotFound, NotYours):
            return None
    for decision in reversed(standing.decisions):
        if decision.step == step and decision.undoing and (outcome := _outcome(decision)) is not None:
            return UndoResult(outcome, attempt(), _describe(decision))
    return None


def _outcome(decision: DecisionRecord) -> UndoOutcome | None:
    """The outcome that a decision counts as, if it ends the undo and this version knows the choice."""
    return CARRIED_OUT[Choice(decision.choice)][1] if decision.choice in list(Choice) else None


def _describe(decision: DecisionRecord) -> str:
    return f"{decision.choice.replace('_', ' ')} by {decision.by}: {decision.note}".rstrip(": ")
