"""The models of the API's requests and responses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, TypeVar

from pydantic import ConfigDict, Field, StringConstraints

from ordersaga.contracts.register import OrderEntry
from ordersaga.domain.audit_log import AuditItem, OrderNote
from ordersaga.domain.order import Address, Document, OrderItem
from ordersaga.domain.result import (
    Answer,
    DecisionEntry,
    OrderPage,
    OrderResult,
    OrderStatus,
    OrderSummary,
    StepOutcome,
    StepStatus,
    TimelineEntry,
)
from ordersaga.domain.text import Printable
from ordersaga.domain.worklist import Attention, WorklistItem
from ordersaga.orders.reading import Action, OrderDetails
from ordersaga.saga import MAX_REASON
from ordersaga.web.access import Caller, Scope
from ordersaga.web.reads.cache import Snapshot

AnyStep = TypeVar("AnyStep", bound=StepOutcome)


class Fresh(Answer):
    """How current a response is."""

    as_of: datetime = Field(description="When the data was read.")
    problem: str | None = Field(None, description="Why the data is out of date; null if it is current.")


class Placed(Answer):
    """An accepted order. Repeating the request returns the same."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"order_id": "A-1001", "status_url": "/v1/orders/A-1001", "events_url": "/v1/orders/A-1001/events"}
            ]
        }
    )

    order_id: str
    status_url: str = Field(description="The URL of the order; also in `Location`.")
    events_url: str = Field(description="The URL of its event stream.")


class OrderDocument(Fresh):
    """Everything that is known about an order."""

    order_id: str
    status: OrderStatus
    customer_id: str | None
    amount: str = Field(description="What the customer is charged: a decimal string in `currency`.", examples=["44.98"])
    currency: str = Field(examples=["USD"])
    placed_at: datetime
    ended_at: datetime | None = None
    tracking_number: str | None = None
    error: str | None = None
    refusal: str | None = Field(None, description="The type of the refusal it failed with, such as PaymentDeclined.")
    cancel_reason: str | None = None
    items: list[OrderItem] | None = None
    shipping_address: Address | None = None
    email: str | None = None
    steps: list[StepStatus]
    timeline: list[TimelineEntry]
    decisions: list[DecisionEntry] = []
    notes: list[OrderNote] = Field([], description="Notes on the order, oldest first.")
    attention: Attention | None = Field(
        None,
        description="Why it is on the worklist, if it is. `cut_off`: its run was terminated; the watcher recovers it.",
    )
    actions: list[Action] = Field([], description="What can be done now, given its state and this key.")
    workflow_id: str | None = None
    run_id: str | None = None
    live: bool = Field(
        description="Whether a worker, or the register after its end, reported this. If not, it may be incomplete."
    )

    @classmethod
    def of(cls, known: Snapshot[OrderDetails], caller: Caller) -> OrderDocument:
        """The details, limited to what this caller may see."""
        details = known.value
        view, order = details.view, details.order
        document = cls(
            **view.model_dump(exclude={"steps", "timeline", "decisions"}),
            steps=view.steps,
            timeline=view.timeline,
            decisions=view.decisions,
            notes=details.notes,
            customer_id=details.customer_id,
            placed_at=details.summary.started_at,
            ended_at=details.summary.closed_at,
            items=order.items if order else None,
            shipping_address=order.shipping_address if order else None,
            email=order.email if order else None,
            attention=details.attention.attention if details.attention else None,
            actions=[action for action in details.actions if _may(caller, action)],
            workflow_id=details.workflow_id,
            run_id=details.run_id,
            live=details.live,
            as_of=known.at,
            problem=known.problem,
        )
        return document if caller.customer_id is None else document._for_customer()

    def _for_customer(self) -> OrderDocument:
        """Without what is internal to the shop: decisions, errors of services, run ids."""
        return self.model_copy(
            update={
                "steps": _steps_for_customer(self.steps),
                "timeline": [
                    TimelineEntry(at=entry.at, kind=entry.kind, step=entry.step, state=entry.state)
                    for entry in self.timeline
                    if entry.step and entry.state and entry.state != entry.was
                ],
                "error": self.error if self.refusal else _hidden(self.error),
                "decisions": [],
                "notes": [],
                "attention": None,
                "workflow_id": None,
                "run_id": None,
                "problem": _hidden(self.problem),
            }
        )


def result_for(result: OrderResult, caller: Caller) -> OrderResult:
    """An order's result, limited to what this caller may see."""
    if caller.customer_id is None:
        return result
    shown = {"steps": _steps_for_customer(result.steps), "decisions": [], "error": error_for(result, caller)}
    return result.model_copy(update=shown)


def error_for(order: OrderResult | OrderSummary | OrderEntry, caller: Caller) -> str | None:
    """An order's error, limited to what this caller may see. Customers see the message of a refusal only."""
    return order.error if caller.customer_id is None or order.refusal else _hidden(order.error)


class OrderList(Fresh):
    """A page of orders, newest first."""

    items: list[OrderSummary]
    next: str | None = Field(None, description="The cursor of the next page; null on the last page.")

    @classmethod
    def of(cls, known: Snapshot[OrderPage], caller: Caller) -> OrderList:
        """A page, limited to what this caller may see."""
        items = [order.model_copy(update={"error": error_for(order, caller)}) for order in known.value.items]
        problem = known.problem if caller.customer_id is None else _hidden(known.problem)
        return cls(items=items, next=known.value.next, as_of=known.at, problem=problem)


class Worklist(Fresh):
    """Orders that need attention."""

    items: list[WorklistItem]


class CancelRequest(Document):
    """A cancellation request."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the customer has changed their mind"}]})

    reason: Annotated[str, Printable] = Field("", max_length=MAX_REASON, description="Stored with the order.")


class NewNote(Document):
    """A new note on an order. Sending it again with the same `note_id` stores it once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"by": "Ada Lovelace", "text": "The customer called: send it on Monday."}]}
    )

    by: Annotated[str, Printable, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)] = Field(
        description="The author's name."
    )
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
    note_id: Annotated[str, Printable, StringConstraints(min_length=1, max_length=255)] | None = Field(
        None, description="Makes the request safe to repeat."
    )


class Audit(Fresh):
    """A page of the audit log, newest first."""

    items: list[AuditItem]
    next: str | None = Field(None, description="The cursor of the next page; null on the last page.")


class Cancellation(Answer):
    """The result of a cancellation. `cancelled`: the order will not complete. `pending`: not known yet."""

    order_id: str
    outcome: Literal["cancelled", "pending"]
    status: OrderStatus | None = None
    detail: str = ""


def _may(caller: Caller, action: Action) -> bool:
    return caller.may(Scope.WRITE if action.name == "cancel" else Scope.OPERATE)


def _steps_for_customer(steps: Sequence[AnyStep]) -> list[AnyStep]:
    hidden: dict[str, object] = {"last_error": None, "choices": []}
    return [
        step.model_copy(update={name: none for name, none in hidden.items() if name in type(step).model_fields})
        for step in steps
    ]


def _hidden(text: str | None) -> str | None:
    """Replace an internal error by a general message, because it may reveal internals."""
    return text and "An internal error occurred."
