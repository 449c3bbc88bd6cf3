"""What a person has decided already: a run that was reset to a moment after its announcement does not know of it."""

from __future__ import annotations

from temporalio import activity

from ordersaga.contracts.register import DecisionRecord, UnwindRequest
from ordersaga.domain.errors import NotFound, NotYours
from ordersaga.orders.activities.calling import attempt, map_service_errors, time_for_call
from ordersaga.orders.service_clients import RegisterClient
from ordersaga.saga import Choice, UndoOutcome, UndoRequest, UndoResult
from ordersaga.saga.undoing import CARRIED_OUT


async def decided_before(register: RegisterClient | None, undo: UndoRequest, step: str) -> UndoResult | None:
    """What a decision on this undo stands for, in a run that was reset. Only such a run has to ask the register."""
    if register is None or undo.first_run in ("", activity.info().workflow_run_id):
        return None
    request = UnwindRequest(owner=undo.owner, reason=undo.reason)  # which is so already, and answers with the decisions
    with map_service_errors():
        try:
            standing = await register.unwind(undo.id.partition("-")[2], request, time_for_call())
        except (NotFound, NotYours):
            return None
    for decision in reversed(standing.decisions):
        if decision.step == step and decision.undoing and (outcome := _outcome(decision)) is not None:
            return UndoResult(outcome, attempt(), _words(decision))
    return None


def _outcome(decision: DecisionRecord) -> UndoOutcome | None:
    """What a decision stands for, if it ends the undo and this version knows it."""
    return CARRIED_OUT[Choice(decision.choice)][1] if decision.choice in list(Choice) else None


def _words(decision: DecisionRecord) -> str:
    return f"{decision.choice.replace('_', ' ')} by {decision.by}: {decision.note}".rstrip(": ")
