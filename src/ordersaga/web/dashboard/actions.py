"""What the forms of an order do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import BaseModel, ValidationError

from ordersaga.domain.errors import DecisionRefused, VerdictPending
from ordersaga.domain.order import describe_problems
from ordersaga.domain.result import CancelOutcome
from ordersaga.domain.text import clean
from ordersaga.domain.worklist import OrderDecision, unresolved
from ordersaga.web.access import Caller
from ordersaga.web.reads import AppState

CANCEL_SECONDS = 10.0
"""How long a page may take to say whether a cancel came in time. The order's page shows it when it is certain."""
LONGEST_NAME = 100
LONGEST_NOTE = 300


LONGEST_NOTICE = 2_000
"""Of a note on an order, which nobody decides anything by."""

Act = Callable[[AppState, Caller, str, "Sent"], Awaitable[str]]


class Sent(BaseModel):
    """What a form sends. `form` names it; a decision has a choice and a step."""

    form: str = ""
    by: str = ""
    note: str = ""
    choice: str = ""
    step: str = ""
    note_id: str = ""


async def cancel(state: AppState, caller: Caller, order_id: str, sent: Sent) -> str:
    """Cancel an order, and say what to tell. Raises DecisionRefused, OrderNotFound, Unavailable."""
    by = name_of(caller, sent)
    reason = shortened("The reason", sent.note, LONGEST_NOTE)
    if not reason:
        raise DecisionRefused("To cancel an order give a reason. Nothing was changed.")
    try:
        answer = await state.client.cancel_order(order_id, reason, CANCEL_SECONDS, by)
    except VerdictPending:
        return "verdict-pending"
    return "cancelled" if answer.outcome is CancelOutcome.CANCELLED else "too-late"


async def decide(state: AppState, caller: Caller, order_id: str, sent: Sent) -> str:
    """Carry out a decision, and say what to tell. Raises DecisionRefused, OrderNotFound, Unavailable."""
    by = name_of(caller, sent)
    note = shortened("The note", sent.note, LONGEST_NOTE)
    fields = {"choice": sent.choice, "by": by, "note": note, "step": sent.step or None}
    try:
        decision = OrderDecision.model_validate(fields)
    except ValidationError as error:
        problems = describe_problems(error)
        raise DecisionRefused(f"This is no decision ({problems}). Nothing was changed.") from None
    view = await state.client.resolve(order_id, decision)
    if decision.choice != "retry":
        return "decided"
    return "retry-failed" if unresolved(view, decision) else "retry-helped"


async def write_note(state: AppState, caller: Caller, order_id: str, sent: Sent) -> str:
    """Write a note, and say what to tell. Raises DecisionRefused, InvalidRequest, OrderNotFound, Unavailable."""
    by, text = name_of(caller, sent), sent.note.strip()
    if not text:
        raise DecisionRefused("There is nothing in the note. Nothing was written.")
    if len(text) > LONGEST_NOTICE:
        raise DecisionRefused(f"A note has at most {LONGEST_NOTICE} characters. Nothing was written.")
    await state.client.note(order_id, by, text, sent.note_id[:100] or None)
    return "noted"


def name_of(caller: Caller, sent: Sent) -> str:
    """Who acts; with the key's name where that is another, so that nobody can hide behind somebody's name."""
    name = shortened("A name", sent.by, LONGEST_NAME)
    if not name:
        raise DecisionRefused("Give your name: it is kept with the order. Nothing was changed.")
    return f"{name} (key {caller.name})" if caller.key and name != caller.name else name


def shortened(label: str, text: str, max_length: int) -> str:
    """What was typed, on one line. Raises DecisionRefused."""
    text = " ".join(text.split())
    if len(text) > max_length:
        raise DecisionRefused(f"{label} has at most {max_length} characters. Nothing was changed.")
    return clean(text)
