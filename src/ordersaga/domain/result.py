"""What comes out of an order: its status, its result, and the view of it that a query gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class OrderStatus(StrEnum):
    """Where an order stands. The last four are ends, but for `needs_attention`, which waits for a person."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPENSATING = "compensating"
    NEEDS_ATTENTION = "needs_attention"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether an order with this status has ended."""
        return self in (OrderStatus.COMPLETED, OrderStatus.FAILED, OrderStatus.CANCELLED)


class Answer(BaseModel):
    """A model that ordersaga sends. Unknown fields are ignored, so that older readers understand newer writers."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class StepOutcome(Answer):
    """One step of an order: the id it has in its service, its state (one of ordersaga.saga.StepState), how it went."""

    name: str
    id: str
    state: str
    attempts: int = 0
    undo_attempts: int = 0
    last_error: str | None = None


class StepStatus(StepOutcome):
    """One step of an order under way.

    `undoing` tells whether it is, or was last, being undone: what was done by hand, or written off, is then its undo.
    `next_try` is when it is tried again, where that is known; `choices` what a person may decide on it now.
    """

    undoing: bool = False

    next_try: datetime | None = None
    choices: list[str] = []


class TimelineEntry(Answer):
    """Something that happened to an order, and when. `ordersaga.domain.timeline_text` puts it into words.

    `kind` is the name of the saga's event, such as `step_done`; the other fields are those that this kind has. Where it
    brought a step from one state to another: which step, from what, to what, and since when it had been so.
    """

    at: datetime
    kind: str
    step: str | None = None
    state: str | None = None
    was: str | None = None
    since: datetime | None = None
    undoing: bool | None = None
    attempt: int | None = None
    attempts: int | None = None
    refusal: str | None = None
    message: str | None = None
    reason: str | None = None
    outcome: str | None = None
    detail: str | None = None
    until: datetime | None = None
    event: str | None = None
    choice: str | None = None
    by: str | None = None
    note: str | None = None


class DecisionEntry(Answer):
    """A decision that was carried out."""

    step: str
    choice: str
    by: str
    note: str
    at: datetime


class OrderResult(Answer):
    """How an order ended. The ids are those of live effects: an order that was undone has none."""

    order_id: str
    status: OrderStatus
    reservation_id: str | None = None
    payment_id: str | None = None
    shipment_id: str | None = None
    message_id: str | None = None
    tracking_number: str | None = None
    error: str | None = None
    refusal: str | None = None
    """The type of the refusal that the order failed by, such as PaymentDeclined."""
    amount: str | None = None
    currency: str | None = None
    """None of an order whose content cannot be read."""
    cancel_reason: str | None = None
    steps: list[StepOutcome] = []
    decisions: list[DecisionEntry] = []
    """What people have decided on parked steps."""


class OrderView(Answer):
    """What is known of an order now: the answer of the query `get_order`."""

    order_id: str
    status: OrderStatus
    amount: str
    currency: str
    steps: list[StepStatus]
    timeline: list[TimelineEntry]
    tracking_number: str | None = None
    error: str | None = None
    refusal: str | None = None
    cancel_reason: str | None = None
    decisions: list[DecisionEntry] = []
    since: dict[str, datetime] = {}
    """When each step that has begun came into the state that it is in."""

    @property
    def cancelled_by(self) -> str | None:
        """Who asked for the cancel, if somebody did and said so."""
        return next((entry.by for entry in self.timeline if entry.kind == "cancel_requested"), None)


class OrderSummary(Answer):
    """One order in a list."""

    order_id: str
    status: OrderStatus
    run_id: str = ""
    started_at: datetime
    closed_at: datetime | None = None
    customer_id: str | None = None
    amount: str | None = None
    currency: str | None = None
    tracking_number: str | None = None
    refusal: str | None = None
    error: str | None = None
    """Cut off in a list."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list: those that all given fields fit.

    `search` is the beginning of an order id. `min_amount` and `max_amount` are decimal strings in `currency`, which
    they need; both are included, and so is `placed_after`, but not `placed_before`. `needs_attention` is whether a
    person has something to do about it, whatever its status.
    """

    status: OrderStatus | None = None
    customer_id: str | None = None
    placed_after: datetime | None = None
    placed_before: datetime | None = None
    search: str | None = None
    email: str | None = None
    sku: str | None = None
    tracking_number: str | None = None
    currency: str | None = None
    min_amount: str | None = None
    max_amount: str | None = None
    needs_attention: bool | None = None


class OrderPage(Answer):
    """Some orders of a list. `next` is the cursor to ask for more with, or None at the end."""

    items: list[OrderSummary]
    next: str | None = None


class PlacedOrder(Answer):
    """An order that Temporal has taken on. `created` is false if the same order had been placed before."""

    order_id: str
    workflow_id: str
    run_id: str
    created: bool


class CancelOutcome(StrEnum):
    """The verdict on a request to cancel."""

    CANCELLED = "cancelled"
    TOO_LATE = "too_late"


class CancelAnswer(Answer):
    """The answer to `request_cancel`. `cancelled`: the order will never complete. `too_late`: it is never undone."""

    order_id: str
    outcome: CancelOutcome
    status: OrderStatus
    detail: str = ""
