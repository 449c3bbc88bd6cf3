"""Texts and colours of states, steps and decisions. The terms are those of docs/reference/glossary.md."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ordersaga.contracts.notification import NotificationState
from ordersaga.domain.result import OrderStatus, TimelineEntry
from ordersaga.domain.timeline_text import describe, describe_choice
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
"""The colour of each state. States with the same name in several enumerations share a tone."""

_LABELS: dict[str, str] = {
    StepState.UNKNOWN: "Result unknown",
    StepState.GAVE_UP: "Gave up",
    StepState.TOO_LATE: "Too late to undo",
    StepState.UNDO_REQUESTED: "Undo requested, not final yet",
    Attention.MAIL_NOT_SENT: "Email not sent",
}


@dataclass(frozen=True)
class Doing:
    """One direction of a step in three forms: "Reserve …", "Reserving …" and, of a person, "reserved …"."""

    title: str
    going_on: str
    by_hand: str

    @classmethod
    def of(cls, verb: str, going_on: str, done: str, thing: str) -> Doing:
        """Combine the verb's forms with its object: "Reserve", "Reserving", "reserved", "the stock"."""
        return cls(f"{verb} {thing}", f"{going_on} {thing}", f"{done} {thing}")


@dataclass(frozen=True)
class StepLabels:
    """A step's texts: its effect as a noun, doing it, undoing it, and that its undo was requested."""

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
        "Cancellation requested",
    ),
    CONFIRM.name: StepLabels(
        "confirmation",
        Doing.of("Send", "Sending", "sent", "the confirmation"),
        Doing.of("Recall", "Recalling", "recalled", "the confirmation"),
        "Recall requested",
    ),
}

ATTENTION = {
    Attention.PARKED: "A step keeps failing. It is retried, at least every hour, until it succeeds or you decide.",
    Attention.MAIL_NOT_SENT: "The order has completed, but its confirmation could not be sent.",
    Attention.REFUND_FAILED: "The order was undone, but its refund failed later: the customer has not been paid back.",
    Attention.CUT_OFF: "The run was terminated from outside. The watcher recovers the order, usually within a minute. "
    "If the order stays here, the log of `ordersaga worker` says why.",
    Attention.WEDGED: "The worker cannot process the run: a bug, or data that its version cannot read. Nothing is "
    "lost. See the worker's log; the order continues when a fixed worker runs.",
    Attention.OVERDUE: "The run takes longer than its policy allows. There is nothing to decide: check what it is "
    "waiting for, whether enough workers run, and the worker's log. The order leaves the worklist when it ends.",
    Attention.OTHER: "A later version of ordersaga added it to the worklist. Check the order and the worker's log.",
}


def label(value: str) -> str:
    """The text of a state or a choice."""
    return _LABELS.get(value) or value.replace("_", " ").capitalize()


def decision_label(choice: str) -> str:
    """The text of a choice that was carried out."""
    return describe_choice(choice).capitalize()


def tone(value: str) -> str:
    """The tone of a state: ok, bad, warn, alert, busy, muted or idle."""
    return TONES.get(value, "idle")


def step_labels(name: str) -> StepLabels:
    """The texts of a step; a step of a later version is shown by its name."""
    own = label(name)
    unknown = Doing(own, own, f"did this ({own})")
    return STEPS.get(name) or StepLabels(own.lower(), unknown, unknown, "Undo requested")


def entry_label(entry: TimelineEntry) -> str:
    """The text of a timeline entry, with its step's noun."""
    text = describe(entry, lambda step: step_labels(step).noun)
    return text[:1].upper() + text[1:]


def camel_label(name: str) -> str:
    """A refusal's type as text: PaymentDeclined becomes "Payment declined"."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda match: f" {match.group().lower()}", name)


@dataclass(frozen=True)
class ChoiceLabels:
    """The texts of a decision: its button, its consequence, and its note."""

    name: str
    button: str
    consequence: str
    note_label: str
    note_help: str
    note_required: bool = True
    danger: bool = False


@dataclass(frozen=True)
class BulkChoice:
    """A decision for many orders at once. `submit` is the final button's text; "{}" stands for the number of steps."""

    name: str
    button: str
    submit: str
    danger: bool = False


BULK = (
    BulkChoice(Choice.RETRY, "Retry now", "Retry {}"),
    BulkChoice(Choice.DONE_BY_HAND, "Mark as done by hand", "Mark {} as done by hand"),
    BulkChoice(Choice.WRITE_OFF, "Write off", "Write off {}", danger=True),
)


def choice_labels(choice: str, consequence: str) -> ChoiceLabels:
    """The texts of a decision with this consequence."""
    match choice:
        case Choice.RETRY:
            return ChoiceLabels(choice, "Retry now", consequence, "Note", "Stored with the order.", note_required=False)
        case Choice.DONE_BY_HAND:
            note_help = "How to find it later, such as the refund's id."
            return ChoiceLabels(choice, "Mark as done by hand", consequence, "Reference", note_help)
        case Choice.GO_FORWARD:
            note_help = "Stored with the order."
            return ChoiceLabels(
                choice, "Mark as shipped", consequence, "Note", note_help, note_required=False, danger=True
            )
    return ChoiceLabels(choice, "Write off", consequence, "Reason", "Stored with the order.", danger=True)
