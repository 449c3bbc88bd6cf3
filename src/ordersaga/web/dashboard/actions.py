"""The actions behind the forms of an order's page."""

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
"""How long a request waits for the result of a cancellation. After that, the order's page shows it once it is known."""
MAX_NAME = 100
MAX_REASON = 300
"""The note of a decision, or the reason of a cancellation."""
MAX_NOTE = 2_000
"""A note on an order."""

FormAction = Callable[[AppState, Caller, str, "ActionForm"], Awaitable[str]]


class ActionForm(BaseModel):
    """The fields of a form. `form` is its id on the page; a decision has a choice and a step."""

    form: str = ""
    by: str = ""
    note: str = ""
    choice: str = ""
    step: str = ""
    note_id: str = ""


async def cancel(state: AppState, caller: Caller, order_id: str, form: ActionForm) -> str:
    """Cancel an order. Returns the name of the notice to show. Raises DecisionRefused, OrderNotFound, Unavailable."""
    by = name_of(caller, form)
    reason = single_line("The reason", form.note, MAX_REASON)
    if not reason:
        raise DecisionRefused("Enter a reason to cancel the order. Nothing was changed.")
    try:
        answer = await state.client.cancel_order(order_id, reason, CANCEL_SECONDS, by)
    except VerdictPending:
        return "verdict-pending"
    return "cancelled" if answer.outcome is CancelOutcome.CANCELLED else "too-late"


async def decide(state: AppState, caller: Caller, order_id: str, form: ActionForm) -> str:
    """Carry out a decision. Returns the name of the notice to show.

    Raises DecisionRefused, OrderNotFound, Unavailable.
    """
    by = name_of(caller, form)
    note = single_line("The note", form.note, MAX_REASON)
    fields = {"choice": form.choice, "by": by, "note": note, "step": form.step or None}
    try:
        decision = OrderDecision.model_validate(fields)
    except ValidationError as error:
        problems = describe_problems(error)
        raise DecisionRefused(f"This decision is not valid ({problems}). Nothing was changed.") from None
    view = await state.client.resolve(order_id, decision)
    if decision.choice != "retry":
        return "decided"
    return "retry-failed" if unresolved(view, decision) else "retry-helped"


async def write_note(state: AppState, caller: Caller, order_id: str, form: ActionForm) -> str:
    """Save a note. Returns the name of the notice to show.

    Raises DecisionRefused, InvalidRequest, OrderNotFound, Unavailable.
    """
    by, text = name_of(caller, form), form.note.strip()
    if not text:
        raise DecisionRefused("The note is empty. Nothing was saved. Enter a text.")
    if len(text) > MAX_NOTE:
        raise DecisionRefused(f"A note can have at most {MAX_NOTE:,} characters. Nothing was saved. Shorten it.")
    await state.client.note(order_id, by, text, form.note_id[:100] or None)
    return "noted"


def name_of(caller: Caller, form: ActionForm) -> str:
    """The name that was entered, with the key's name if it differs, so that nobody can act under a false name."""
    name = single_line("Your name", form.by, MAX_NAME)
    if not name:
        raise DecisionRefused("Enter your name: it is stored with the order. Nothing was changed.")
    return f"{name} (key {caller.name})" if caller.key and name != caller.name else name


def single_line(label: str, text: str, max_length: int) -> str:
    """A form field's text on one line. Raises DecisionRefused if it is too long."""
    text = " ".join(text.split())
    if len(text) > max_length:
        raise DecisionRefused(f"{label} can have at most {max_length} characters. Nothing was changed. Shorten it.")
    return clean(text)
