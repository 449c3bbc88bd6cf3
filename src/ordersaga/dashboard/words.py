"""How the dashboard says things: states in words and tones, steps by what they do. The words are docs/glossary.md's."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ordersaga.contracts.notification import NotificationState
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention
from ordersaga.saga import Choice, StepState
from ordersaga.workflows.steps import CHARGE, CONFIRM, RESERVE, SHIP

TONES: dict[str, str] = {
    OrderStatus.PENDING: "idle",
    OrderStatus.PROCESSING: "busy",
    OrderStatus.COMPENSATING: "warn",
    OrderStatus.NEEDS_ATTENTION: "alert",
    OrderStatus.COMPLETED: "ok",
    OrderStatus.FAILED: "bad",
    OrderStatus.CANCELLED: "muted",
    StepState.RUNNING: "busy",
    StepState.DONE: "ok",
    StepState.REFUSED: "bad",
    StepState.UNKNOWN: "warn",
    StepState.GAVE_UP: "warn",
    StepState.UNDOING: "warn",
    StepState.PARKED: "alert",
    StepState.UNDONE: "muted",
    StepState.NOTHING_TO_UNDO: "muted",
    StepState.TOO_LATE: "ok",
    StepState.DONE_BY_HAND: "ok",
    StepState.WRITTEN_OFF: "muted",
    Attention.MAIL_NOT_SENT: "warn",
    Attention.CUT_OFF: "warn",
    NotificationState.QUEUED: "busy",
    NotificationState.SENT: "ok",
    NotificationState.RECALLED: "muted",
}
"""The colour of a state, beside its word. What several enumerations call alike has the same tone in all of them."""

_WORDS: dict[str, str] = {
    StepState.UNKNOWN: "Effect unknown",
    StepState.GAVE_UP: "Given up",
    StepState.TOO_LATE: "Stands: too late to undo",
    StepState.PENDING: "Pending",
}


@dataclass(frozen=True)
class StepWords:
    """A step in words: what doing and undoing it is, and its effect as a noun."""

    title: str
    undo: str
    noun: str


STEPS = {
    RESERVE.name: StepWords("Reserve the stock", "Release the stock", "reservation"),
    CHARGE.name: StepWords("Charge the customer", "Refund the customer", "charge"),
    SHIP.name: StepWords("Book the shipment", "Cancel the shipment", "shipment"),
    CONFIRM.name: StepWords("Send the confirmation", "Recall the confirmation", "confirmation"),
}

ATTENTION = {
    Attention.PARKED: "A step cannot finish by itself. It is tried again, slowly, until somebody decides.",
    Attention.MAIL_NOT_SENT: "The order has completed, but its confirmation could not be sent.",
    Attention.CUT_OFF: "Somebody ended the run from outside. It is settled by itself within a minute or so; "
    "nothing needs to be decided yet.",
}

_NAMES = re.compile("|".join(STEPS))
_STATES = re.compile("|".join(rf"\b{state}\b" for state in StepState if "_" in state))


def words(value: str) -> str:
    """A state or a choice in words."""
    return _WORDS.get(value) or value.replace("_", " ").capitalize()


def tone(value: str) -> str:
    """The tone of a state: ok, bad, warn, alert, busy, muted or idle."""
    return TONES.get(value, "idle")


def step_words(name: str) -> StepWords:
    """A step in words; one of a later version under its own name."""
    return STEPS.get(name) or StepWords(words(name), f"Undo: {words(name)}", words(name).lower())


def in_plain_words(event: str) -> str:
    """An event of the timeline with its steps in plain words."""
    plain = _NAMES.sub(lambda found: STEPS[found.group()].noun, event)
    plain = _STATES.sub(lambda found: found.group().replace("_", " "), plain)
    return plain[:1].upper() + plain[1:]


def camel_words(name: str) -> str:
    """A refusal's type in words: PaymentDeclined is "Payment declined"."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: f" {found.group().lower()}", name)


@dataclass(frozen=True)
class ChoiceWords:
    """A decision in words: its button, what will happen, and what its note is for."""

    name: str
    button: str
    says: str
    note_label: str
    note_help: str
    note_required: bool = True
    danger: bool = False


def choice_words(choice: str, noun: str, undoing: bool) -> ChoiceWords:
    """A decision on a step whose undo, or do, is parked."""
    what = f"the {noun}'s undo" if undoing else f"the {noun}"
    begin = what[:1].upper() + what[1:]
    match choice:
        case Choice.RETRY:
            says = f"{begin} is tried again at once. Nothing is done twice: the service remembers."
            return ChoiceWords(choice, "Retry now", says, "Note", "Kept with the order.", note_required=False)
        case Choice.DONE_BY_HAND:
            says = (
                f"You have done {what} outside ordersaga, such as at the provider. It is not tried again, "
                "and the order goes on."
            )
            return ChoiceWords(
                choice, "Done by hand", says, "Reference", "What it can be found by, such as a refund's id."
            )
        case Choice.GO_FORWARD:
            says = "The parcel has left after all. The order goes forward: it completes, and nothing is refunded."
            return ChoiceWords(
                choice, "The parcel has left", says, "Note", "Kept with the order.", note_required=False, danger=True
            )
    stays = f"What the {noun} did stays as it is" if undoing else f"The {noun} stays undone"
    says = f"{begin} will never be done. {stays}, and the order goes on without it. This is final."
    return ChoiceWords(choice, "Write off", says, "Reason", "Kept with the order for whoever asks later.", danger=True)
