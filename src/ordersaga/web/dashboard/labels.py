"""The dashboard's labels: states in words and tones, steps by what they do. Words as in docs/reference/glossary.md."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ordersaga.contracts.notification import NotificationState
from ordersaga.domain.result import OrderStatus, TimelineEntry
from ordersaga.domain.timeline_text import describe
from ordersaga.domain.worklist import Attention
from ordersaga.orders.workflows.steps import CHARGE, CONFIRM, RESERVE, SHIP
from ordersaga.saga import Choice, StepState

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
    StepState.UNDO_REQUESTED: "warn",
    StepState.UNDONE: "muted",
    StepState.NOTHING_TO_UNDO: "muted",
    StepState.TOO_LATE: "ok",
    StepState.DONE_BY_HAND: "ok",
    StepState.WRITTEN_OFF: "muted",
    Attention.MAIL_NOT_SENT: "warn",
    Attention.REFUND_FAILED: "alert",
    Attention.CUT_OFF: "warn",
    Attention.WEDGED: "alert",
    Attention.OVERDUE: "warn",
    Attention.OTHER: "warn",
    NotificationState.QUEUED: "busy",
    NotificationState.SENT: "ok",
    NotificationState.RECALLED: "muted",
}
"""The colour of a state, beside its word. What several enumerations call alike has the same tone in all of them."""

_LABELS: dict[str, str] = {
    StepState.UNKNOWN: "Effect unknown",
    StepState.GAVE_UP: "Given up",
    StepState.TOO_LATE: "Stands: too late to undo",
    StepState.UNDO_REQUESTED: "Undo requested: it is final later",
    StepState.PENDING: "Pending",
}


@dataclass(frozen=True)
class Doing:
    """Doing something in words: to be told to do it, while it goes on, and when a person has."""

    title: str
    going_on: str
    by_hand: str

    @classmethod
    def of(cls, verb: str, going_on: str, done: str, thing: str) -> Doing:
        """Such as reserve, reserving, reserved, the stock."""
        return cls(f"{verb} {thing}", f"{going_on} {thing}", f"{done} {thing}")


@dataclass(frozen=True)
class StepLabels:
    """A step in words: its effect as a noun, what doing and undoing it is, and that its undo was asked for."""

    noun: str
    do: Doing
    undo: Doing
    requested: str


STEPS = {
    RESERVE.name: StepLabels(
        "reservation",
        Doing.of("Reserve", "Reserving", "reserved", "the stock"),
        Doing.of("Release", "Releasing", "released", "the stock"),
        "Release requested",
    ),
    CHARGE.name: StepLabels(
        "charge",
        Doing.of("Charge", "Charging", "charged", "the customer"),
        Doing.of("Refund", "Refunding", "refunded", "the customer"),
        "Refund requested",
    ),
    SHIP.name: StepLabels(
        "shipment",
        Doing.of("Book", "Booking", "booked", "the shipment"),
        Doing.of("Cancel", "Cancelling", "cancelled", "the shipment"),
        "Cancel requested",
    ),
    CONFIRM.name: StepLabels(
        "confirmation",
        Doing.of("Send", "Sending", "sent", "the confirmation"),
        Doing.of("Recall", "Recalling", "recalled", "the confirmation"),
        "Recall requested",
    ),
}

ATTENTION = {
    Attention.PARKED: "A step cannot finish by itself. It is tried again, slowly, until somebody decides.",
    Attention.MAIL_NOT_SENT: "The order has completed, but its confirmation could not be sent.",
    Attention.REFUND_FAILED: "The order is undone, but its refund has failed since: the customer has not got the money "
    "back.",
    Attention.CUT_OFF: "The run was ended from outside. The watcher has the order go on by itself within a minute or "
    "so. If the order stays here, the log of `ordersaga worker` says why it cannot.",
    Attention.WEDGED: "The worker cannot go on with it: a bug, or something that its version cannot read. Nothing is "
    "lost. See the worker's log; it goes on when a worker runs that can.",
    Attention.OVERDUE: "Its run takes longer than its policy allows. There is nothing to decide: see what it waits for,"
    " whether there are workers enough, and the worker's log. It leaves the worklist when it ends.",
    Attention.OTHER: "A later version of ordersaga has put it here. Look at the order, and at the worker's log.",
}


def label(value: str) -> str:
    """A state or a choice in words."""
    return _LABELS.get(value) or value.replace("_", " ").capitalize()


def tone(value: str) -> str:
    """The tone of a state: ok, bad, warn, alert, busy, muted or idle."""
    return TONES.get(value, "idle")


def step_labels(name: str) -> StepLabels:
    """A step in words; one of a later version under its own name."""
    own = label(name)
    unknown = Doing(own, own, f"done this ({own})")
    return STEPS.get(name) or StepLabels(own.lower(), unknown, unknown, "Undo requested")


def entry_label(entry: TimelineEntry) -> str:
    """An entry of the timeline with its steps in plain words."""
    plain = describe(entry, lambda step: step_labels(step).noun)
    return plain[:1].upper() + plain[1:]


def camel_label(name: str) -> str:
    """A refusal's type in words: PaymentDeclined is "Payment declined"."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: f" {found.group().lower()}", name)


@dataclass(frozen=True)
class ChoiceLabels:
    """A decision in words: its button, what will happen, and what its note is for."""

    name: str
    button: str
    says: str
    note_label: str
    note_help: str
    note_required: bool = True
    danger: bool = False


@dataclass(frozen=True)
class BulkChoice:
    """A decision that can be taken on many orders at once: its button, and what it says was done."""

    name: str
    button: str
    doing: str
    danger: bool = False


BULK = (
    BulkChoice(Choice.RETRY, "Retry now", "Retry"),
    BulkChoice(Choice.DONE_BY_HAND, "Done by hand", "Mark as done by hand:"),
    BulkChoice(Choice.WRITE_OFF, "Write off", "Write off", danger=True),
)


def choice_labels(choice: str, says: str) -> ChoiceLabels:
    """A decision on what is parked, and what it does."""
    match choice:
        case Choice.RETRY:
            return ChoiceLabels(choice, "Retry now", says, "Note", "Kept with the order.", note_required=False)
        case Choice.DONE_BY_HAND:
            found_by = "What it can be found by, such as a refund's id."
            return ChoiceLabels(choice, "Done by hand", says, "Reference", found_by)
        case Choice.GO_FORWARD:
            note = "Kept with the order."
            return ChoiceLabels(choice, "The parcel has left", says, "Note", note, note_required=False, danger=True)
    return ChoiceLabels(choice, "Write off", says, "Reason", "Kept with the order for whoever asks later.", danger=True)
