"""What the forms of an order do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import BaseModel, ValidationError

from ordersaga.access import Caller
from ordersaga.domain.errors import DecisionRefused, VerdictPending
from ordersaga.domain.order import problems_of
from ordersaga.domain.result import CancelOutcome
from ordersaga.domain.text import clean
from ordersaga.domain.worklist import OrderDecision, unresolved
from ordersaga.overview import Front

CANCEL_SECONDS = 10.0
"""How long a page may take to say whether a cancel came in time. The order's page shows it when it is certain."""
LONGEST_NAME = 100
LONGEST_NOTE = 300


Act = Callable[[Front, Caller, str, "Sent"], Awaitable[str]]


class Sent(BaseModel):
    """What a form sends. `form` names it; a decision has a choice and a step."""

    form: str = ""
    by: str = ""
    note: str = ""
    choice: str = ""
    step: str = ""


async def cancel(front: Front, caller: Caller, order_id: str, sent: Sent) -> str:
    """Cancel an order, and say what to tell. Raises DecisionRefused, OrderNotFound, Unavailable."""
    by = _name(caller, sent)
    reason = _short("The reason", sent.note, LONGEST_NOTE)
    if not reason:
        raise DecisionRefused("To cancel an order give a reason. Nothing was changed.")
    try:
        answer = await front.client.cancel_order(order_id, f"{reason} ({by})", CANCEL_SECONDS)
    except VerdictPending:
        return "verdict-pending"
    return "cancelled" if answer.outcome is CancelOutcome.CANCELLED else "too-late"


async def decide(front: Front, caller: Caller, order_id: str, sent: Sent) -> str:
    """Carry out a decision, and say what to tell. Raises DecisionRefused, OrderNotFound, Unavailable."""
    by = _name(caller, sent)
    note = _short("The note", sent.note, LONGEST_NOTE)
    fields = {"choice": sent.choice, "by": by, "note": note, "step": sent.step or None}
    try:
        decision = OrderDecision.model_validate(fields)
    except ValidationError as error:
        problems = "; ".join(f"{path}: {problem}" for path, problem in problems_of(error))
        raise DecisionRefused(f"This is no decision ({problems}). Nothing was changed.") from None
    view = await front.client.resolve(order_id, decision)
    if decision.choice != "retry":
        return "decided"
    return "retry-failed" if unresolved(view, decision) else "retry-helped"


def _name(caller: Caller, sent: Sent) -> str:
    """Who decides; with the key's name where that is another, so that nobody can hide behind somebody's name."""
    name = _short("A name", sent.by, LONGEST_NAME)
    if not name:
        raise DecisionRefused("Give your name: it is kept with the order. Nothing was changed.")
    return f"{name} (key {caller.name})" if caller.key and name != caller.name else name


def _short(what: str, text: str, most: int) -> str:
    text = " ".join(text.split())
    if len(text) > most:
        raise DecisionRefused(f"{what} has at most {most} characters. Nothing was changed.")
    return clean(text)
