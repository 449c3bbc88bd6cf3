"""What a decision does to an order, said beforehand, and what is still in effect afterwards: with ids and amounts."""

from __future__ import annotations

from collections.abc import Sequence

from ordersaga.domain.result import OrderStatus, OrderView, StepStatus
from ordersaga.orders.workflows.steps import CHARGE, CONFIRM, RESERVE, SHIP
from ordersaga.saga import Choice, StepState
from ordersaga.web.dashboard.labels import Doing, step_labels
from ordersaga.web.dashboard.timeline import is_going_back

_STAYS = {
    RESERVE.name: "the stock stays reserved ({id})",
    CHARGE.name: "the customer is not refunded: {amount} stay charged ({id})",
    SHIP.name: "the shipment stays booked ({id}), and the carrier may bring it",
    CONFIRM.name: "no notice follows the confirmation ({id})",
}
_GOES = {
    RESERVE.name: "the stock is released ({id})",
    CHARGE.name: "the customer is refunded {amount} ({id})",
    SHIP.name: "the shipment is cancelled ({id})",
    CONFIRM.name: "the confirmation is recalled ({id})",
}
_MISSING = {
    RESERVE.name: "no stock is reserved",
    CHARGE.name: "the customer is not charged {amount}",
    SHIP.name: "no shipment is booked",
    CONFIRM.name: "no confirmation is sent",
}
_NOTHING_LEFT = (StepState.UNDONE, StepState.NOTHING_TO_UNDO, StepState.DONE_BY_HAND, StepState.WRITTEN_OFF)


def what_happens(choice: str, step: StepStatus, view: OrderView, amount: str) -> str:
    """What a decision on a parked step does."""
    if choice == Choice.RETRY:
        doing = _doing(step).going_on
        return f"{doing} is tried once, now, and you are told what came of it. Nothing is done twice."
    if not is_going_back(step):
        return _forward(choice, step, view, amount)
    if choice == Choice.GO_FORWARD:
        charged = f"{amount} stay charged" if amount else "nothing is refunded"
        return f"The parcel has left after all ({step.id}). The order goes forward and completes, and {charged}."
    rest = _rest(step, view, amount)
    if choice == Choice.DONE_BY_HAND:
        return f"You have {_doing(step).by_hand} outside ordersaga ({step.id}). It is not tried again. {rest}"
    return f"This is final: {_put(_STAYS, step, amount)}. {rest}"


def what_stays(view: OrderView, amount: str) -> str:
    """What is not as the order's end says, because people have decided so. Empty if there is nothing."""
    undone = view.status in (OrderStatus.FAILED, OrderStatus.CANCELLED)
    texts = _STAYS if undone else _MISSING
    written_off = [_put(texts, step, amount) for step in view.steps if step.state == StepState.WRITTEN_OFF]
    by_hand = [_doing(step).by_hand for step in view.steps if step.state == StepState.DONE_BY_HAND]
    parts = [f"Written off by a person: {_listed(written_off)}." if written_off else ""]
    parts.append(f"A person has {_listed(by_hand)} by hand." if by_hand else "")
    return " ".join(filter(None, parts))


def _forward(choice: str, step: StepStatus, view: OrderView, amount: str) -> str:
    completed = view.status is OrderStatus.COMPLETED
    goes_on = "The order stays completed." if completed else "The order goes forward and completes."
    if choice == Choice.DONE_BY_HAND:
        return f"You have {_doing(step).by_hand} outside ordersaga. It is not tried again. {goes_on}"
    charged = f" The customer's {amount} stay charged." if amount and step.name == SHIP.name else ""
    return f"This is final: {_put(_MISSING, step, amount)}. {goes_on}{charged}"


def _rest(step: StepStatus, view: OrderView, amount: str) -> str:
    if step.name != SHIP.name:
        return "The rest of the order is undone all the same."
    others = [
        _put(_GOES, each, amount)
        for each in reversed(view.steps)
        if each.name != step.name and each.state not in (*_NOTHING_LEFT, StepState.PENDING, StepState.REFUSED)
    ]
    return f"Everything else is undone: {_listed(others)}." if others else "Nothing else is left to undo."


def _put(texts: dict[str, str], step: StepStatus, amount: str) -> str:
    text = texts.get(step.name, "this is not done ({id})" if texts is _MISSING else "this stays in effect ({id})")
    return text.format(id=step.id, amount=amount or "the money")


def _doing(step: StepStatus) -> Doing:
    said = step_labels(step.name)
    return said.undo if is_going_back(step) else said.do


def _listed(parts: Sequence[str]) -> str:
    return "; ".join(parts)
