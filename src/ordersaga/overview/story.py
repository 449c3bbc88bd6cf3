"""The story of one order: what was asked for, how it stands, and what may be done about it."""

from __future__ import annotations

from typing import Literal

from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import Answer, OrderStatus, OrderSummary, OrderView
from ordersaga.domain.worklist import Attention, WorklistItem
from ordersaga.saga import StepState
from ordersaga.workflows.steps import CONFIRM, SHIP

ActionName = Literal["cancel", "retry", "done_by_hand", "write_off", "go_forward"]


class Action(Answer):
    """Something that the state of an order allows. Decisions are on a step; a cancel is of the whole order."""

    name: ActionName
    step: str | None = None


class OrderStory(Answer):
    """All that is known of one order."""

    summary: OrderSummary
    order: OrderInput | None
    """What was asked for; None if the run was started with something else, or written with another codec."""
    view: OrderView
    live: bool
    """Whether a worker has told the view. If not, it is what Temporal knows without one, and steps may be missing."""
    workflow_id: str
    run_id: str
    """The run that tells of the order now: its own, or its settlement's."""
    attention: WorklistItem | None = None
    """What it has on the worklist."""
    actions: list[Action] = []

    @property
    def customer_id(self) -> str | None:
        """Whose order it is."""
        return self.order.customer_id if self.order else self.summary.customer_id

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.view.status.is_end


def actions_of(view: OrderView, attention: WorklistItem | None) -> list[Action]:
    """What the state of an order allows. The order's run checks again: the state may have changed since."""
    if view.status in (OrderStatus.PENDING, OrderStatus.PROCESSING):
        return [Action(name="cancel")]
    if attention is None or attention.attention is Attention.CUT_OFF:
        return []
    if attention.attention is Attention.MAIL_NOT_SENT:
        return _decisions(CONFIRM.name)
    parked = [step.name for step in view.steps if step.state == StepState.PARKED]
    return [action for name in parked for action in _decisions(name, pivot=_undo_is_parked(view, name))]


def _decisions(step: str, *, pivot: bool = False) -> list[Action]:
    names: list[ActionName] = ["retry", "done_by_hand", "write_off"]
    return [Action(name=name, step=step) for name in [*names, *(["go_forward"] if pivot else [])]]


def _undo_is_parked(view: OrderView, step: str) -> bool:
    """Whether it is the shipment's undo that waits, and not the shipment: only then may the order go forward."""
    parked = [entry for entry in view.timeline if entry.step == SHIP.name and entry.state == StepState.PARKED]
    return step == SHIP.name and bool(parked) and parked[-1].was == StepState.UNDOING
