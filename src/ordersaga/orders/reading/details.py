"""The details of one order: what was asked for, how it stands, and what may be done about it."""

from __future__ import annotations

from typing import Literal

from ordersaga.domain.audit_log import OrderNote
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import Answer, OrderStatus, OrderSummary, OrderView
from ordersaga.domain.worklist import DecisionChoice, WorklistItem
from ordersaga.saga import PendingDecisions

ActionName = Literal["cancel"] | DecisionChoice


class Action(Answer):
    """Something that the state of an order allows. Decisions are on a step; a cancel is of the whole order."""

    name: ActionName
    step: str | None = None


class OrderDetails(Answer):
    """All that is known of one order."""

    summary: OrderSummary
    order: OrderInput | None
    """What was asked for; None if the run was started with something else, or written with another codec."""
    view: OrderView
    live: bool
    """Whether this is how the order stands: told by a worker or, of an order that has ended, by the register.

    If not, it is what Temporal knows without a worker, or what was reported to the register; steps may be missing.
    """
    from_register: bool = False
    """Whether nobody but the register was asked, or knew of it."""
    workflow_id: str
    run_id: str
    """The run that tells of the order now: its own, or its recovery's."""
    attention: WorklistItem | None = None
    """Why it needs a person, if it does, or that its run was cut off."""
    notes: list[OrderNote] = []
    actions: list[Action] = []

    @property
    def customer_id(self) -> str | None:
        """Whose order it is."""
        return self.order.customer_id if self.order else self.summary.customer_id

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.view.status.is_end


def actions_of(view: OrderView) -> list[Action]:
    """What the state of an order allows. The order's run checks again: the state may have changed since."""
    cancel = [{"name": "cancel"}] if view.status in (OrderStatus.PENDING, OrderStatus.PROCESSING) else []
    decisions = [{"name": choice, "step": step.name} for step in view.steps for choice in step.choices]
    return [Action.model_validate(action) for action in cancel + decisions]


def with_choices(view: OrderView, step: str) -> OrderView:
    """The view of an order that has ended, with what a person may decide on a step that was left undone."""
    decisions = PendingDecisions()
    decisions.open(step)
    steps = [each.model_copy(update={"choices": list(decisions.choices(each.name))}) for each in view.steps]
    return view.model_copy(update={"steps": steps})


def without_choices(view: OrderView) -> OrderView:
    """The view of an order whose run was cut off: it tries nothing, and takes no decisions."""
    steps = [step.model_copy(update={"choices": [], "next_try": None}) for step in view.steps]
    return view.model_copy(update={"steps": steps})
