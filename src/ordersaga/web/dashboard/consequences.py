"""What a decision does to an order, said beforehand, and what is still in effect afterwards: with ids and amounts."""

from __future__ import annotations

from collections.abc import Sequence

from ordersaga.domain.result import OrderStatus, OrderView, StepStatus
from ordersaga.orders.workflows.steps import CHARGE, CONFIRM, RESERVE, SHIP
from ordersaga.saga import Choice, StepState
from ordersaga.web.dashboard.labels import Doing, step_labels
from ordersaga.web.dashboard.timeline import is_going_back

_NOT_UNDONE = {
    RESERVE.name: "the stock stays reserved ({id})",
    CHARGE.name: "the customer is not refunded, and {amount} stays charged ({id})",
    SHIP.name: "the shipment stays booked ({id}), and the carrier may deliver it",
    CONFIRM.name: "no cancellation notice follows the confirmation ({id})",
}
_UNDONE = {
    RESERVE.name: "the stock is released ({id})",
    CHARGE.name: "the customer is refunded {amount} ({id})",
    SHIP.name: "the shipment is cancelled ({id})",
    CONFIRM.name: "the confirmation is recalled ({id})",
}
_NOT_DONE = {
    RESERVE.name: "no stock is reserved",
    CHARGE.name: "the customer is not charged {amount}",
    SHIP.name: "no shipment is booked",
    CONFIRM.name: "no confirmation is sent",
}
_SETTLED = (StepState.UNDONE, StepState.NOTHING_TO_UNDO, StepState.DONE_BY_HAND, StepState.WRITTEN_OFF)


def what_happens(choice: str, step: StepStatus, view: OrderView, amount: str) -> str:
    """Describe what a decision on a parked step does."""
    if choice == Choice.RETRY:
        return f"{_doing(step).going_on} is retried once, now, and you see the result. Nothing is done twice."
    if not is_going_back(step):
        return _forward(choice, step, view, amount)
    if choice == Choice.GO_FORWARD:
        charged = f"{amount} stays charged" if amount else "nothing is refunded"
        return f"You confirm that the parcel has left ({step.id}). The order completes, and {charged}."
    rest = _rest(step, view, amount)
    if choice == Choice.DONE_BY_HAND:
        return f"You confirm that you {_doing(step).by_hand} outside ordersaga ({step.id}). It is not retried. {rest}"
    return f"This is final: {_fill(_NOT_UNDONE, step, amount)}. {rest}"


def what_stays(view: OrderView, amount: str) -> str:
    """Describe what differs from the order's outcome because of people's decisions. Empty if nothing does."""
    undone = view.status in (OrderStatus.FAILED, OrderStatus.CANCELLED)
    texts = _NOT_UNDONE if undone else _NOT_DONE
    written_off = [_fill(texts, step, amount) for step in view.steps if step.state == StepState.WRITTEN_OFF]
    by_hand = [_doing(step).by_hand for step in view.steps if step.state == StepState.DONE_BY_HAND]
    parts = [f"Written off: {_listed(written_off)}." if written_off else ""]
    parts.append(f"Someone {_listed(by_hand)} by hand." if by_hand else "")
    return " ".join(filter(None, parts))


def _forward(choice: str, step: StepStatus, view: OrderView, amount: str) -> str:
    completed = view.status is OrderStatus.COMPLETED
    outcome = "The order stays completed." if completed else "The order completes."
    if choice == Choice.DONE_BY_HAND:
        return f"You confirm that you {_doing(step).by_hand} outside ordersaga. It is not retried. {outcome}"
    charged = f" {amount} stays charged to the customer." if amount and step.name == SHIP.name else ""
    return f"This is final: {_fill(_NOT_DONE, step, amount)}. {outcome}{charged}"


def _rest(step: StepStatus, view: OrderView, amount: str) -> str:
    if step.name != SHIP.name:
        return "The rest of the order is undone as usual."
    others = [
        _fill(_UNDONE, other, amount)
        for other in reversed(view.steps)
        if other.name != step.name and other.state not in (*_SETTLED, StepState.PENDING, StepState.REFUSED)
    ]
    return f"Everything else is undone: {_listed(others)}." if others else "There is nothing else to undo."


def _fill(texts: dict[str, str], step: StepStatus, amount: str) -> str:
    text = texts.get(step.name, "this is not done ({id})" if texts is _NOT_DONE else "this stays in effect ({id})")
    return text.format(id=step.id, amount=amount or "the money")


def _doing(step: StepStatus) -> Doing:
    labels = step_labels(step.name)
    return labels.undo if is_going_back(step) else labels.do


def _listed(parts: Sequence[str]) -> str:
    return "; ".join(parts)
