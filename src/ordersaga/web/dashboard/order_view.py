"""The page of one order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from ordersaga.domain.money import Money
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus, OrderView, StepStatus
from ordersaga.domain.worklist import Attention
from ordersaga.orders.reading import OrderDetails
from ordersaga.saga import StepState
from ordersaga.web.access import Caller
from ordersaga.web.dashboard.consequences import what_happens, what_stays
from ordersaga.web.dashboard.labels import ATTENTION, ChoiceLabels, choice_labels, step_labels
from ordersaga.web.dashboard.layout import layout_of
from ordersaga.web.dashboard.money import PLAIN, in_format
from ordersaga.web.dashboard.reading import Readings
from ordersaga.web.dashboard.rendering import order_url
from ordersaga.web.dashboard.timeline import is_going_back, timeline_of
from ordersaga.web.dashboard.views import View

MAX_LINES = 100
CANCEL_CONSEQUENCE = (
    "Everything done for this order is undone: its stock is released, its charge refunded, its shipment cancelled. "
    "If the parcel has left by then, the cancellation comes too late and the order completes."
)
_NO_ACTIONS = {
    OrderStatus.COMPLETED: "The order completed. There is nothing to decide.",
    OrderStatus.FAILED: "The order failed, and everything was undone. There is nothing to decide.",
    OrderStatus.CANCELLED: "The order was cancelled, and everything was undone. There is nothing to decide.",
    OrderStatus.COMPENSATING: "The order is being undone. You don't need to do anything. If a step cannot be undone, "
    "the order appears on the worklist.",
    OrderStatus.NEEDS_ATTENTION: "",
}
_UNDONE_BY_PEOPLE_TOO = {
    OrderStatus.FAILED: "The order failed and was undone.",
    OrderStatus.CANCELLED: "The order was cancelled and undone.",
}
"""Where people's decisions say what was undone and what was not."""

_NO_WORKER = "No worker is responding for this order, so nothing can be decided now."


@dataclass(frozen=True)
class SubmittedForm:
    """A form that was rejected, and why. The page shows it filled in, so that nothing has to be typed twice."""

    form: str = ""
    by: str = ""
    note: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Notice:
    """The result of the last action, shown at the top of the page."""

    title: str
    detail: str
    tone: str = "ok"


NOTICES = {
    "cancelled": Notice("The order is cancelled.", "It will not complete. Everything done for it is being undone."),
    "too-late": Notice("The cancellation came too late.", "The order was not cancelled. Nothing was undone.", "warn"),
    "verdict-pending": Notice(
        "The cancellation was requested.", "Whether it was in time is not known yet. This page will show it.", "warn"
    ),
    "noted": Notice("The note was saved.", "It is stored with the order."),
    "decided": Notice("The decision was carried out.", "The steps below show the result."),
    "retry-helped": Notice("The retry succeeded.", "The steps below show the result."),
    "retry-failed": Notice("The retry failed.", "The order still needs a decision. The error is below.", "bad"),
}


@dataclass(frozen=True)
class PendingStep:
    """A step that a person can decide on."""

    name: str
    problem: str
    last_error: str | None
    attempts: int
    next_try: datetime | None
    choices: Sequence[ChoiceLabels]


@dataclass(frozen=True)
class Head:
    """The header of the page."""

    order_id: str
    url: str
    status: OrderStatus
    amount: str
    placed_at: datetime
    closed_at: datetime | None
    customer_id: str | None
    tracking_number: str | None
    temporal_url: str | None
    error: str | None
    refusal: str | None
    cancel_reason: str | None
    cancelled_by: str | None
    live: bool
    from_register: bool


@dataclass(frozen=True)
class ContentsLine:
    """A line of the order, with amounts in the customer's format."""

    sku: str
    quantity: int
    price: str
    total: str


@dataclass(frozen=True)
class Contents:
    """What was ordered, with amounts in the customer's format. `more` lines are not shown."""

    lines: Sequence[ContentsLine]
    more: int
    total: str
    currency: str
    address: Sequence[str]
    payment_method_id: str
    email: str | None
    hold: timedelta | None


async def order_view(
    readings: Readings, caller: Caller, order_id: str, submitted: SubmittedForm | None = None, flash: str = ""
) -> View:
    """An order's page. Raises OrderNotFound, and Unavailable if nothing is known about the order."""
    state = readings.state
    known, emails = await asyncio.gather(state.reads.order(order_id), readings.emails_of(order_id))
    details, view = known.value, known.value.view
    placed_at = details.summary.started_at
    shown = timeline_of(view, placed_at, details.summary.closed_at, _drawing_time(placed_at))
    is_current = details.live and known.fresh
    head = _head(readings, details)
    steps = [_pending_step(details, step, head.amount) for step in view.steps if step.choices] if is_current else []
    may_cancel = is_current and any(action.name == "cancel" for action in details.actions)
    submitted = submitted or SubmittedForm(by=caller.name if caller.key else "")
    context: dict[str, Any] = {
        "layout": await layout_of(state.reads, "orders", caller, [known]),
        "order": head,
        "steps": shown.steps,
        "axis": shown.axis,
        "kinds": shown.kinds,
        "log": shown.log,
        "contents": _contents(details.order) if details.order else None,
        "mails": emails,
        "notes": details.notes,
        "note_id": str(uuid4()),
        "pending_steps": steps,
        "attention_text": ATTENTION[details.attention.attention] if details.attention else "",
        "may_cancel": may_cancel,
        "cancel_consequence": CANCEL_CONSEQUENCE,
        "held_until": shown.held_until if is_current else None,
        "nothing_to_do": _nothing_to_do(view, head.amount) if is_current or details.has_ended else _NO_WORKER,
        "submitted": submitted,
        "notice": _notice(flash, submitted, steps, may_cancel),
        "live_url": f"/live{order_url(order_id)}",
    }
    parts = {"head": "_order_head.html", "actions": "_order_actions.html"}
    parts |= {"timeline": "_order_timeline.html", "mail": "_order_mail.html", "notes": "_order_notes.html"}
    return View("order.html", context, parts)


def _drawing_time(placed_at: datetime) -> datetime:
    """Now, rounded down: the bars of an open order are redrawn only when its age has grown by about a twentieth."""
    age = datetime.now(UTC) - placed_at
    step = max(timedelta(seconds=5), timedelta(seconds=2 ** int(age.total_seconds() / 20).bit_length()))
    return placed_at + max(age // step * step, min(age, timedelta(seconds=1)))


def _notice(flash: str, submitted: SubmittedForm, steps: Sequence[PendingStep], may_cancel: bool) -> Notice | None:
    """The result of the last action. A rejected form shows its problem itself, unless it is no longer on the page."""
    forms = {f"decide-{step.name}-{choice.name}" for step in steps for choice in step.choices}
    if submitted.problem and submitted.form not in forms | {"note"} | ({"cancel"} if may_cancel else set()):
        return Notice("Not done.", submitted.problem, "bad")
    return NOTICES.get(flash)


def _head(readings: Readings, details: OrderDetails) -> Head:
    view, summary = details.view, details.summary
    country = details.order.shipping_address.country if details.order else None
    amount = in_format(Money.parse(view.amount, view.currency), country) if view.currency else ""
    return Head(
        order_id=view.order_id,
        url=order_url(view.order_id),
        status=view.status,
        amount=amount,
        placed_at=summary.started_at,
        closed_at=summary.closed_at if details.has_ended else None,
        customer_id=details.customer_id,
        tracking_number=view.tracking_number,
        temporal_url=_temporal_url(readings, details),
        error=view.error,
        refusal=view.refusal,
        cancel_reason=view.cancel_reason,
        cancelled_by=view.cancelled_by,
        live=details.live or details.has_ended,
        from_register=details.from_register,
    )


def _temporal_url(readings: Readings, details: OrderDetails) -> str | None:
    ui = readings.state.settings.temporal_ui_url
    return details.temporal_page(ui, readings.state.client.temporal.namespace) if ui else None


def _nothing_to_do(view: OrderView, amount: str) -> str:
    stays = what_stays(view, amount)
    if stays and view.status in _UNDONE_BY_PEOPLE_TOO:
        return f"{_UNDONE_BY_PEOPLE_TOO[view.status]} {stays} There is nothing to decide."
    return f"{stays} {_NO_ACTIONS.get(view.status, _NO_WORKER)}".strip()


def _pending_step(details: OrderDetails, step: StepStatus, amount: str) -> PendingStep:
    labels = step_labels(step.name)
    doing = labels.undo if is_going_back(step) else labels.do
    if details.attention is not None and details.attention.attention is Attention.MAIL_NOT_SENT:
        problem = "The confirmation was not sent."
    elif step.state == StepState.UNDO_REQUESTED:
        problem = f"{labels.requested}, not final yet. It is requested again until it is final."
    else:
        problem = f"{doing.going_on} keeps failing."
    return PendingStep(
        name=step.name,
        problem=problem,
        last_error=step.last_error,
        attempts=step.undo_attempts if step.undoing else step.attempts,
        next_try=step.next_try,
        choices=[choice_labels(choice, what_happens(choice, step, details.view, amount)) for choice in step.choices],
    )


def _contents(order: OrderInput) -> Contents:
    to = order.shipping_address
    lines = []
    for item in order.items[:MAX_LINES]:
        price = Money.parse(item.price, order.currency)
        line_total = in_format(price * item.quantity, to.country)
        lines.append(ContentsLine(item.sku, item.quantity, in_format(price, to.country), line_total))
    country = PLAIN.territories.get(to.country, to.country)
    town = f"{to.city}, {to.state} {to.zip_code}" if to.state else f"{to.zip_code} {to.city}"
    address = [to.street, town.strip(), country]
    hold = order.policy.hold_before_shipping if order.policy else 0
    return Contents(
        lines=lines,
        more=len(order.items) - len(lines),
        total=in_format(order.total, to.country),
        currency=order.currency,
        address=address,
        payment_method_id=order.payment_method_id,
        email=order.email,
        hold=timedelta(seconds=hold) if hold else None,
    )
