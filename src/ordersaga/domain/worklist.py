"""The worklist: orders that need attention, and the decisions that a person can make."""

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
    """A person's decision on a parked step, or on an email that was not sent.

    `done_by_hand` needs a reference as its note, `write_off` a reason. `go_forward` is for the shipment only: the
    parcel has left, so the order completes. `step` is optional if only one step is parked.
    """

    choice: DecisionChoice
    by: Note
    note: Note = ""
    step: Annotated[str, StringConstraints(max_length=64)] | None = None


def unresolved(view: OrderView, decision: OrderDecision) -> StepStatus | None:
    """The step that a decision was about, if it still needs a decision; else None."""
    waiting = ("parked", "gave_up", "undo_requested")
    steps = (step for step in view.steps if step.state in waiting and decision.step in (None, step.name))
    return next(steps, None)


class Attention(StrEnum):
    """Why an order is on the worklist."""

    PARKED = "parked"
    """A step cannot be undone; or the parcel has left, and a step cannot be done."""
    MAIL_NOT_SENT = "mail_not_sent"
    """The order has completed, but its confirmation could not be sent."""
    REFUND_FAILED = "refund_failed"
    """The order was undone, but its refund failed afterwards: the customer has not been paid back."""
    CUT_OFF = "cut_off"
    """The run was terminated, failed or is missing, and the watcher has not recovered it yet. It keeps trying."""
    WEDGED = "wedged"
    """The run's workflow task keeps failing: a bug, or data that this version of the worker cannot read."""
    OVERDUE = "overdue"
    """The run takes longer than the order's policy allows, without reporting a problem."""
    OTHER = "other"
    """A reason from a later version, unknown to this one."""
    RESTORED = "restored"
    """A service was restored from an older backup, and a run restores the order's effects in it."""


class WatcherRound(Answer):
    """What one round of the watcher found, and what failed.

    `recovered` are runs that were cut off; `started` orders that had no run; `wedged` runs that make no progress;
    `overdue` orders that became overdue since the last round. `unsent` and `unrefunded` are orders whose email was
    refused, or whose refund failed, after they had ended.
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
    """A step that needs a decision, as its run last reported it.

    `attempts` and `next_try` date from that report: after `next_try` there have been more attempts. `choices` are the
    decisions that are possible.
    """

    name: str
    undoing: bool = False
    error: str | None = None
    attempts: int = 0
    next_try: datetime | None = None
    choices: list[str] = []


class WorklistItem(Answer):
    """One order on the worklist. `amount_at_risk` is a decimal string in `currency`; `since` is when it was added.

    `steps` are the steps that need a decision; empty if there is nothing to decide. Only a wedged run has a `run_id`.
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
    """The worklist, longest wait first. `problem` says why items may be missing; None if it is complete."""

    items: list[WorklistItem]
    problem: str | None = None


class WorklistSort(StrEnum):
    """The order of the worklist."""

    WAITING = "waiting"
    """Longest wait first."""
    AMOUNT = "amount"
    """Most money at risk first, within each currency."""


def arranged(
    items: Iterable[WorklistItem],
    sort: WorklistSort = WorklistSort.WAITING,
    kind: Attention | None = None,
    customer_id: str | None = None,
) -> list[WorklistItem]:
    """Filter by kind and customer, where given, and sort."""
    wanted = [item for item in items if kind in (None, item.attention) and customer_id in (None, item.customer_id)]
    by_wait = sorted(wanted, key=lambda item: item.since)
    return sorted(by_wait, key=_by_amount) if sort is WorklistSort.AMOUNT else by_wait


def _by_amount(item: WorklistItem) -> tuple[bool, str, int]:
    if not item.amount_at_risk or not item.currency:
        return True, "", 0
    money = Money.parse(item.amount_at_risk, item.currency)
    return not money.minor, money.currency, -money.minor


class Recovery(Document):
    """The input of a recovery run: the order, why it needs recovery, and a person's decision, if there is one."""

    order: OrderInput
    cause: Attention
    because: str
    decision: OrderDecision | None = None
    ended: OrderStatus | None = None
    """The order's outcome, for a run that restores it in the services."""
