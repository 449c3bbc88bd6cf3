"""What waits for a person, and what they may decide."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import StringConstraints

from ordersaga.domain.order import Document, OrderInput
from ordersaga.domain.result import Answer, OrderStatus, OrderView, StepStatus
from ordersaga.domain.text import Printable

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Printable]


class OrderDecision(Document):
    """What a person decides on a parked step of an order, or on a mail that was not sent.

    `done_by_hand` needs a reference as its note, `write_off` a reason. `go_forward` is for the shipment only: it has
    left, so the order goes on. `step` may be left out where only one is parked.
    """

    choice: Literal["retry", "done_by_hand", "write_off", "go_forward"]
    by: Note
    note: Note = ""
    step: Annotated[str, StringConstraints(max_length=64)] | None = None


def unresolved(view: OrderView, decision: OrderDecision) -> StepStatus | None:
    """The step that a decision was on, if it still waits for a person."""
    waits = ("parked", "gave_up", "undo_requested")
    steps = (step for step in view.steps if step.state in waits and decision.step in (None, step.name))
    return next(steps, None)


class Attention(StrEnum):
    """Why an order is on the worklist."""

    PARKED = "parked"
    """A step cannot be undone, or cannot be done although the parcel has left."""
    MAIL_NOT_SENT = "mail_not_sent"
    """The order has completed, but its confirmation could not be sent."""
    CUT_OFF = "cut_off"
    """The run was terminated or failed. The watcher settles it in its next round."""
    WEDGED = "wedged"
    """The run's workflow task keeps failing, by a bug or by something that this version of the worker cannot read."""


class WatcherRound(Answer):
    """What a round of the watcher found: orders that it had recovered, runs that are wedged, what it could not do."""

    at: datetime
    recovered: list[str] = []
    wedged: list[str] = []
    problems: list[str] = []


class WorklistItem(Answer):
    """One order on the worklist. `amount_at_risk` is a decimal string in `currency`; `since` is when it came here."""

    order_id: str
    attention: Attention
    status: OrderStatus
    since: datetime
    customer_id: str | None = None
    amount_at_risk: str | None = None
    currency: str | None = None
    run_id: str = ""
    workflow_id: str = ""


class Settlement(Document):
    """What a settlement run is given: the order, why it needs one, and a person's decision if there is one."""

    order: OrderInput
    cause: Attention
    because: str
    decision: OrderDecision | None = None
