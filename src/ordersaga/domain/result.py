"""What is reported of an order: its status, its result, its timeline, and the lists it appears in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class OrderStatus(StrEnum):
    """The status of an order. `completed`, `failed` and `cancelled` are final."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPENSATING = "compensating"
    NEEDS_ATTENTION = "needs_attention"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether this status is final."""
        return self in (OrderStatus.COMPLETED, OrderStatus.FAILED, OrderStatus.CANCELLED)


class Answer(BaseModel):
    """A model that ordersaga sends. Unknown fields are ignored, so that older readers can read newer data."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class StepOutcome(Answer):
    """One step of an order: its id in the service, its state (an ordersaga.saga.StepState), attempts and last error."""

    name: str
    id: str
    state: str
    attempts: int = 0
    undo_attempts: int = 0
    last_error: str | None = None


class StepStatus(StepOutcome):
    """One step of an order in progress.

    `undoing` is true if the state is that of the step's undo: "done by hand" and "written off" then refer to the undo.
    `next_try` is when it is retried, if known; `choices` are the decisions that a person can make on it now.
    """

    undoing: bool = False

    next_try: datetime | None = None
    choices: list[str] = []


class TimelineEntry(Answer):
    """Something that happened to an order, and when. `ordersaga.domain.timeline_text` describes it in English.

    `kind` is the name of the saga's event, such as `step_done`; which other fields are set depends on it. If the event
    changed a step's state, `step` is the step, `was` the old state, `since` when that began, and `state` the new one.
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
    """A decision that took effect."""

    step: str
    choice: str
    by: str
    note: str
    at: datetime


class OrderResult(Answer):
    """The result of an order. The ids name effects that still exist: an order that was undone has none."""

    order_id: str
    status: OrderStatus
    reservation_id: str | None = None
    payment_id: str | None = None
    shipment_id: str | None = None
    message_id: str | None = None
    tracking_number: str | None = None
    error: str | None = None
    refusal: str | None = None
    """The type of the refusal that the order failed with, such as PaymentDeclined."""
    amount: str | None = None
    currency: str | None = None
    """None if the order's content cannot be read."""
    cancel_reason: str | None = None
    steps: list[StepOutcome] = []
    decisions: list[DecisionEntry] = []
    """The decisions that people made on parked steps."""


class OrderView(Answer):
    """An order's current state: the result of the query `get_order`."""

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
    """When each step entered its current state, for the steps that have started."""

    @property
    def cancelled_by(self) -> str | None:
        """Who requested the cancellation; None if nobody did or no name was given."""
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
    """Shortened in lists."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list: those that match every given field.

    `search` is the start of an order id. `min_amount` and `max_amount` are decimal strings and require `currency`. The
    bounds are inclusive, except `placed_before`. `needs_attention` selects by whether the order is on the worklist,
    independently of its status.
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
    """A page of a list of orders. `next` is the cursor of the next page, or None on the last page."""

    items: list[OrderSummary]
    next: str | None = None


class PlacedOrder(Answer):
    """An order that Temporal has accepted. `created` is false if the same order was placed before."""

    order_id: str
    workflow_id: str
    run_id: str
    created: bool


class CancelOutcome(StrEnum):
    """The result of a cancellation request."""

    CANCELLED = "cancelled"
    TOO_LATE = "too_late"


class CancelAnswer(Answer):
    """The answer to `request_cancel`. `cancelled`: the order will never complete. `too_late`: it will not be undone."""

    order_id: str
    outcome: CancelOutcome
    status: OrderStatus
    detail: str = ""
