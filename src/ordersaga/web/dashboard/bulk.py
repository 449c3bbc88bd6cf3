"""One decision for many orders: a preview of its effect on each order, and the results."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ordersaga.domain.errors import DecisionRefused, OrdersagaError
from ordersaga.domain.money import Money
from ordersaga.domain.order import describe_problems
from ordersaga.domain.result import StepStatus
from ordersaga.domain.worklist import OrderDecision, unresolved
from ordersaga.orders.reading import OrderDetails
from ordersaga.web.access import Caller
from ordersaga.web.dashboard.actions import MAX_REASON, ActionForm, name_of, single_line
from ordersaga.web.dashboard.consequences import what_happens
from ordersaga.web.dashboard.labels import BULK, BulkChoice, choice_labels, step_labels
from ordersaga.web.dashboard.layout import layout_of
from ordersaga.web.dashboard.money import in_format
from ordersaga.web.dashboard.reading import Readings
from ordersaga.web.dashboard.timeline import is_going_back
from ordersaga.web.dashboard.views import View
from ordersaga.web.dashboard.worklist_view import sums_by_currency
from ordersaga.web.reads import AppState

T = TypeVar("T")

MAX_ORDERS = 100
"""How many orders one decision may apply to."""
_CONCURRENCY = 5
_SEPARATOR = "|"
"""A target is the order's id, "do" or "undo", and the step's name, with this between them."""


class BulkForm(BaseModel):
    """The fields of the worklist's and the preview's forms. `order`: selected orders; `target`: previewed steps."""

    choice: str = ""
    order: list[str] = []
    target: list[str] = []
    by: str = ""
    note: str = ""


@dataclass(frozen=True)
class Target:
    """A step that the decision applies to, and what the decision will do."""

    value: str
    order_id: str
    title: str
    consequence: str
    amount: str
    at_risk: Money | None


@dataclass(frozen=True)
class SkippedOrder:
    """An order that the decision cannot be applied to, and why."""

    order_id: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """The result of the decision on one step."""

    order_id: str
    title: str
    message: str
    tone: str


async def preview_view(readings: Readings, caller: Caller, form: BulkForm, problem: str = "") -> View:
    """Show what the decision will do to each selected order. Raises DecisionRefused if it cannot be made."""
    choice = _choice(form)
    order_ids = list(dict.fromkeys(form.order or [target.partition(_SEPARATOR)[0] for target in form.target]))
    if not order_ids:
        raise DecisionRefused("Select at least one order. Nothing was changed.")
    if len(order_ids) > MAX_ORDERS:
        raise DecisionRefused(f"Select at most {MAX_ORDERS} orders at a time. Nothing was changed.")
    results = await _for_each(order_ids, lambda order_id: _targets(readings.state, order_id, choice))
    targets = [item for result in results for item in result if isinstance(item, Target)]
    risks = {target.order_id: target.at_risk for target in targets if target.at_risk is not None}
    labels = choice_labels(choice.name, "")
    context = {
        "layout": await layout_of(readings.state.reads, "worklist", caller),
        "choice": choice,
        "labels": labels,
        "targets": targets,
        "orders": len({target.order_id for target in targets}),
        "sums": sums_by_currency(risks.values()),
        "skipped": [item for result in results for item in result if isinstance(item, SkippedOrder)],
        "by": form.by or (caller.name if caller.key else ""),
        "note": form.note,
        "problem": problem,
    }
    return View("worklist_preview.html", context, {})


async def decide_on_all(readings: Readings, caller: Caller, form: BulkForm) -> View:
    """Carry out the decision on all steps in the preview, and show the results. Raises DecisionRefused."""
    choice = _choice(form)
    by = name_of(caller, ActionForm(by=form.by))
    note = single_line("The note", form.note, MAX_REASON)
    if choice_labels(choice.name, "").note_required and not note:
        raise DecisionRefused("Enter a reference or a reason: it is stored with each order. Nothing was changed.")
    targets = list(dict.fromkeys(form.target))[:MAX_ORDERS]
    outcomes = await _for_each(targets, lambda target: _decided(readings.state, target, choice.name, by, note))
    context = {
        "layout": await layout_of(readings.state.reads, "worklist", caller),
        "choice": choice,
        "outcomes": outcomes,
        "done": sum(outcome.tone == "ok" for outcome in outcomes),
    }
    return View("worklist_done.html", context, {})


async def _for_each(items: Sequence[str], work: Callable[[str], Awaitable[T]]) -> list[T]:
    """Run the work for all items, a few at a time. Returns the results in the order of the items."""
    gate = asyncio.Semaphore(_CONCURRENCY)

    async def one(item: str) -> T:
        async with gate:
            return await work(item)

    return list(await asyncio.gather(*map(one, items)))


async def _targets(state: AppState, order_id: str, choice: BulkChoice) -> Sequence[Target | SkippedOrder]:
    """The steps of an order that the decision applies to; or why it cannot be applied."""
    try:
        known = await state.reads.order(order_id)
    except OrdersagaError as error:
        return [SkippedOrder(order_id, str(error))]
    if not known.fresh or not known.value.live:
        return [SkippedOrder(order_id, "No worker is responding for this order, so nothing can be decided now.")]
    steps = [step for step in known.value.view.steps if choice.name in step.choices]
    if not steps:
        return [SkippedOrder(order_id, f"\u201c{choice.button}\u201d is not possible for this order, or no longer.")]
    return [_target(known.value, step, choice) for step in steps]


def _target(details: OrderDetails, step: StepStatus, choice: BulkChoice) -> Target:
    view, worklist_item = details.view, details.attention
    country = details.order.shipping_address.country if details.order else None
    amount = in_format(Money.parse(view.amount, view.currency), country) if view.currency else ""
    risk = worklist_item.amount_at_risk if worklist_item is not None else None
    return Target(
        value=_SEPARATOR.join((view.order_id, "undo" if is_going_back(step) else "do", step.name)),
        order_id=view.order_id,
        title=_title(step.name, is_going_back(step)),
        consequence=what_happens(choice.name, step, view, amount),
        amount=amount,
        at_risk=Money.parse(risk, view.currency) if risk and view.currency else None,
    )


async def _decided(state: AppState, target: str, choice: str, by: str, note: str) -> Outcome:
    order_id, undoing, step = [*target.split(_SEPARATOR, 2), "", ""][:3]
    title = _title(step, undoing == "undo")
    try:
        decision = OrderDecision.model_validate({"choice": choice, "by": by, "note": note, "step": step or None})
        view = await state.client.resolve(order_id, decision)
    except ValidationError as error:
        problems = describe_problems(error)
        return Outcome(order_id, title, f"This decision is not valid ({problems}). Nothing was changed.", "bad")
    except OrdersagaError as error:
        return Outcome(order_id, title, str(error), "bad")
    finally:
        state.reads.changed(order_id)
    waiting = unresolved(view, decision) if choice == "retry" else None
    if waiting is not None:
        return Outcome(order_id, title, f"The retry failed: {waiting.last_error}", "warn")
    return Outcome(order_id, title, "Carried out.", "ok")


def _title(step: str, undoing: bool) -> str:
    labels = step_labels(step)
    return (labels.undo if undoing else labels.do).title


def _choice(form: BulkForm) -> BulkChoice:
    choice = next((choice for choice in BULK if choice.name == form.choice), None)
    if choice is None:
        raise DecisionRefused("Unknown decision. Nothing was changed. Go back to the worklist and choose one.")
    return choice
