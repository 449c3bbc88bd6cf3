"""What waits for a person, and what they may decide."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import StringConstraints

from ordersaga.domain.money import Money
from ordersaga.domain.order import Document, OrderInput
from ordersaga.domain.result import Answer, OrderStatus, OrderView, StepStatus
from ordersaga.domain.text import Printable

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Printable]


DecisionChoice = Literal["retry", "done_by_hand", "write_off", "go_forward"]
"""What a person may decide on a step: the values of the engine's Choice."""


class OrderDecision(Document):
    """What a person decides on a parked step of an order, or on a mail that was not sent.

    `done_by_hand` needs a reference as its note, `write_off` a reason. `go_forward` is for the shipment only: it has
    left, so the order goes on. `step` may be left out where only one is parked.
    """

    choice: DecisionChoice
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
    REFUND_FAILED = "refund_failed"
    """The order is undone, but its refund has failed later: the customer's money is still there."""
    CUT_OFF = "cut_off"
    """The run was terminated, failed or is lost, and the watcher could not have the order go on. It goes on trying."""
    WEDGED = "wedged"
    """The run's workflow task keeps failing, by a bug or by something that this version of the worker cannot read."""
    OVERDUE = "overdue"
    """The run goes on for longer than the order's policy allows, and has nothing to report."""
    OTHER = "other"
    """Something that a later version has a name for, and this one has not."""
    RESTORED = "restored"
    """A service was restored from an older copy, and a run brings it to how the order has ended."""


class WatcherRound(Answer):
    """What a round of the watcher found, and what it could not do.

    `recovered` are runs that were cut off, `started` orders that no run knew, `wedged` runs that do not go on,
    `overdue` orders that have just been found to be so. `unsent` and `unrefunded` are orders whose mail was refused, or
    whose refund has failed, after they had ended.
    """

    at: datetime
    recovered: list[str] = []
    started: list[str] = []
    wedged: list[str] = []
    overdue: list[str] = []
    unsent: list[str] = []
    unrefunded: list[str] = []
    problems: list[str] = []


class WaitingStep(Answer):
    """A step that waits for a person, as its run has last reported it.

    `attempts` and `next_try` are from then: once `next_try` is over there have been more attempts. `choices` are what a
    person may decide.
    """

    name: str
    undoing: bool = False
    error: str | None = None
    attempts: int = 0
    next_try: datetime | None = None
    choices: list[str] = []


class WorklistItem(Answer):
    """One order on the worklist. `amount_at_risk` is a decimal string in `currency`; `since` is when it came here.

    `steps` are those that wait; there are none where nothing can be decided. `run_id` is given of a wedged run only.
    """

    order_id: str
    attention: Attention
    status: OrderStatus
    since: datetime
    customer_id: str | None = None
    amount_at_risk: str | None = None
    currency: str | None = None
    steps: list[WaitingStep] = []
    run_id: str = ""
    workflow_id: str = ""


class Worklist(Answer):
    """What waits for a person, the longest wait first. `problem` says why something may be missing, if it may."""

    items: list[WorklistItem]
    problem: str | None = None


class WorklistSort(StrEnum):
    """What comes first on the worklist."""

    WAITING = "waiting"
    """What has waited longest."""
    AMOUNT = "amount"
    """The most money at risk, currency by currency."""


def arranged(
    items: Iterable[WorklistItem],
    sort: WorklistSort = WorklistSort.WAITING,
    kind: Attention | None = None,
    customer_id: str | None = None,
) -> list[WorklistItem]:
    """The items of this kind and this customer, if one is given, in this order."""
    wanted = [item for item in items if kind in (None, item.attention) and customer_id in (None, item.customer_id)]
    by_wait = sorted(wanted, key=lambda item: item.since)
    return sorted(by_wait, key=_by_amount) if sort is WorklistSort.AMOUNT else by_wait


def _by_amount(item: WorklistItem) -> tuple[bool, str, int]:
    if not item.amount_at_risk or not item.currency:
        return True, "", 0
    money = Money.parse(item.amount_at_risk, item.currency)
    return not money.minor, money.currency, -money.minor


class Recovery(Document):
    """What a recovery run is given: the order, why it needs one, and a person's decision if there is one."""

    order: OrderInput
    cause: Attention
    because: str
    decision: OrderDecision | None = None
    ended: OrderStatus | None = None
    """How the order has ended, for a run that brings the services to that."""
