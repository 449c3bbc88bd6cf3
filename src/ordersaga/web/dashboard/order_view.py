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

MOST_LINES = 100
CANCEL_SAYS = (
    "Everything that was done for this order is undone: its stock is released, what was charged is refunded, its "
    "shipment is cancelled. If the parcel has left by then, the cancel comes too late, and the order goes on."
)
_NOTHING_TO_DO = {
    OrderStatus.COMPLETED: "The order has completed. There is nothing to decide.",
    OrderStatus.FAILED: "The order has failed, and everything is undone. There is nothing to decide.",
    OrderStatus.CANCELLED: "The order is cancelled, and everything is undone. There is nothing to decide.",
    OrderStatus.COMPENSATING: "The order is being undone, which nobody needs to help with. If a step cannot be undone, "
    "the order comes to the worklist.",
    OrderStatus.NEEDS_ATTENTION: "",
}
_NOT_NOW = "Nothing can be decided while no worker answers for this order."


@dataclass(frozen=True)
class Typed:
    """What somebody has sent by a form, and why it was not taken, so that nothing has to be typed twice."""

    form: str = ""
    by: str = ""
    note: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Notice:
    """What has just been done."""

    title: str
    detail: str
    tone: str = "ok"


NOTICES = {
    "cancelled": Notice("The order is cancelled.", "It will never complete; what was done for it is being undone."),
    "too-late": Notice("The cancel came too late.", "The order stands, and nothing was undone.", "warn"),
    "verdict-pending": Notice(
        "The cancel was asked for.", "Whether it came in time is not certain yet; this page shows it soon.", "warn"
    ),
    "noted": Notice("The note was written.", "It is kept with the order."),
    "decided": Notice("The decision was carried out.", "The steps below show what came of it."),
    "retry-helped": Notice("It was tried again, and it succeeded.", "The steps below show it."),
    "retry-failed": Notice(
        "It was tried again, and it did not succeed.",
        "The order still waits for a decision: see the error below.",
        "bad",
    ),
}


@dataclass(frozen=True)
class Undecided:
    """A step that a person may decide on."""

    name: str
    what: str
    last_error: str | None
    attempts: int
    next_try: datetime | None
    choices: Sequence[ChoiceLabels]


@dataclass(frozen=True)
class Head:
    """The top of the page."""

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
class AskedLine:
    """A line of the order, with its money in the customer's format."""

    sku: str
    quantity: int
    each: str
    sum: str


@dataclass(frozen=True)
class Asked:
    """What was asked for, in the customer's format."""

    lines: Sequence[AskedLine]
    more: int
    total: str
    currency: str
    address: Sequence[str]
    payment_method_id: str
    email: str | None
    hold: timedelta | None


async def order_view(
    readings: Readings, caller: Caller, order_id: str, typed: Typed | None = None, flash: str = ""
) -> View:
    """An order. Raises OrderNotFound, and Unavailable where nothing is known of it."""
    state = readings.state
    known, mails = await asyncio.gather(state.overview.order(order_id), readings.mails_of(order_id))
    details, view = known.value, known.value.view
    placed_at = details.summary.started_at
    shown = timeline_of(view, placed_at, details.summary.closed_at, _drawn_until(placed_at))
    can = details.live and known.fresh
    head = _head(readings, details)
    undecided = [_undecided(details, step, head.amount) for step in view.steps if step.choices] if can else []
    may_cancel = can and any(action.name == "cancel" for action in details.actions)
    typed = typed or Typed(by=caller.name if caller.key else "")
    context: dict[str, Any] = {
        "layout": await layout_of(state.overview, "orders", caller, [known]),
        "order": head,
        "steps": shown.steps,
        "axis": shown.axis,
        "kinds": shown.kinds,
        "log": shown.log,
        "asked": _asked(details.order) if details.order else None,
        "mails": mails,
        "notes": details.notes,
        "note_id": str(uuid4()),
        "undecided": undecided,
        "attention_text": ATTENTION[details.attention.attention] if details.attention else "",
        "may_cancel": may_cancel,
        "cancel_says": CANCEL_SAYS,
        "held_until": shown.held_until if can else None,
        "nothing_to_do": _nothing_to_do(view, head.amount) if can or details.has_ended else _NOT_NOW,
        "typed": typed,
        "notice": _notice(flash, typed, undecided, may_cancel),
        "live_url": f"/live{order_url(order_id)}",
    }
    parts = {"head": "_order_head.html", "actions": "_order_actions.html"}
    parts |= {"timeline": "_order_timeline.html", "mail": "_order_mail.html", "notes": "_order_notes.html"}
    return View("order.html", context, parts)


def _drawn_until(placed_at: datetime) -> datetime:
    """Now, or a little before: an order that is open is drawn anew when its time has grown by a twentieth."""
    age = datetime.now(UTC) - placed_at
    pace = max(timedelta(seconds=5), timedelta(seconds=2 ** int(age.total_seconds() / 20).bit_length()))
    return placed_at + max(age // pace * pace, min(age, timedelta(seconds=1)))


def _notice(flash: str, typed: Typed, undecided: Sequence[Undecided], may_cancel: bool) -> Notice | None:
    """What was done; or why something was not, where the form that asked for it is no longer there to say so."""
    forms = {f"decide-{step.name}-{choice.name}" for step in undecided for choice in step.choices}
    if typed.problem and typed.form not in forms | {"note"} | ({"cancel"} if may_cancel else set()):
        return Notice("This was not done.", typed.problem, "bad")
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
    text, stays = _NOTHING_TO_DO.get(view.status, _NOT_NOW), what_stays(view, amount)
    if stays and view.status in (OrderStatus.FAILED, OrderStatus.CANCELLED):
        return text.replace(", and everything is undone.", f", and undone but for this: {stays}")
    return f"{stays} {text}".strip()


def _undecided(details: OrderDetails, step: StepStatus, amount: str) -> Undecided:
    said = step_labels(step.name)
    doing = said.undo if is_going_back(step) else said.do
    if details.attention is not None and details.attention.attention is Attention.MAIL_NOT_SENT:
        what = "The confirmation was not sent."
    elif step.state == StepState.UNDO_REQUESTED:
        what = f"{said.requested}: it is final later, and asked for again until it is."
    else:
        what = f"{doing.going_on} does not succeed."
    return Undecided(
        name=step.name,
        what=what,
        last_error=step.last_error,
        attempts=step.undo_attempts if step.undoing else step.attempts,
        next_try=step.next_try,
        choices=[choice_labels(each, what_happens(each, step, details.view, amount)) for each in step.choices],
    )


def _asked(order: OrderInput) -> Asked:
    to = order.shipping_address
    lines = []
    for item in order.items[:MOST_LINES]:
        each = Money.parse(item.price, order.currency)
        sum_of_line = in_format(each * item.quantity, to.country)
        lines.append(AskedLine(item.sku, item.quantity, in_format(each, to.country), sum_of_line))
    country = PLAIN.territories.get(to.country, to.country)
    town = f"{to.city}, {to.state} {to.zip_code}" if to.state else f"{to.zip_code} {to.city}"
    address = [to.street, town.strip(), country]
    hold = order.policy.hold_before_shipping if order.policy else 0
    return Asked(
        lines=lines,
        more=len(order.items) - len(lines),
        total=in_format(order.total, to.country),
        currency=order.currency,
        address=address,
        payment_method_id=order.payment_method_id,
        email=order.email,
        hold=timedelta(seconds=hold) if hold else None,
    )
