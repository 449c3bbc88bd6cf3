"""The details of one order: its content, its state, and the actions that the state allows."""

from __future__ import annotations

from typing import Literal

from ordersaga.domain.audit_log import OrderNote
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import Answer, OrderStatus, OrderSummary, OrderView
from ordersaga.domain.worklist import DecisionChoice, WorklistItem
from ordersaga.saga import PendingDecisions

ActionName = Literal["cancel"] | DecisionChoice


class Action(Answer):
    """An action that an order's state allows. A decision is about a step, a cancel about the whole order."""

    name: ActionName
    step: str | None = None


class OrderDetails(Answer):
    """Everything known about one order."""

    summary: OrderSummary
    order: OrderInput | None
    """The order's content; None if the run was started with other input, or if another codec wrote it."""
    view: OrderView
    live: bool
    """Whether this is the order's current state: from a worker or, after its end, from the register.

    Otherwise it is what Temporal knows without a worker or what was reported to the register. Steps may be missing.
    """
    from_register: bool = False
    """Whether the register was the only source."""
    workflow_id: str
    run_id: str
    """The order's current run: its own, or its recovery's."""
    attention: WorklistItem | None = None
    """Why the order needs a person, if it does, or that its run was cut off."""
    notes: list[OrderNote] = []
    actions: list[Action] = []

    @property
    def customer_id(self) -> str | None:
        """The id of the customer."""
        return self.order.customer_id if self.order else self.summary.customer_id

    def temporal_page(self, ui_url: str, namespace: str) -> str:
        """The URL of the page of its run in Temporal's Web UI, which answers at `ui_url`."""
        # The register knows the first run of an order; the workflow's own page leads to the last one.
        run = "" if self.from_register else f"/{self.run_id}/history"
        return f"{ui_url.rstrip('/')}/namespaces/{namespace}/workflows/{self.workflow_id}{run}"

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.view.status.is_end


def actions_of(view: OrderView) -> list[Action]:
    """The actions that an order's state allows. The order's run checks again, because the state may have changed."""
    cancel = [{"name": "cancel"}] if view.status in (OrderStatus.PENDING, OrderStatus.PROCESSING) else []
    decisions = [{"name": choice, "step": step.name} for step in view.steps for choice in step.choices]
    return [Action.model_validate(action) for action in cancel + decisions]


def with_choices(view: OrderView, step: str) -> OrderView:
    """The view of an order that has ended, with the choices for a step that was left undone."""
    decisions = PendingDecisions()
    decisions.open(step)
    steps = [each.model_copy(update={"choices": list(decisions.choices(each.name))}) for each in view.steps]
    return view.model_copy(update={"steps": steps})


def without_choices(view: OrderView) -> OrderView:
    """The view of an order whose run was cut off: it tries nothing and accepts no decisions."""
    steps = [step.model_copy(update={"choices": [], "next_try": None}) for step in view.steps]
    return view.model_copy(update={"steps": steps})
