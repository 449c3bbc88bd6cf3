"""One decision for many orders: what it will do to each, said before anything is done, and what came of it."""

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
from ordersaga.web.dashboard.actions import LONGEST_NOTE, Sent, name_of, shortened
from ordersaga.web.dashboard.consequences import what_happens
from ordersaga.web.dashboard.labels import BULK, BulkChoice, choice_labels, step_labels
from ordersaga.web.dashboard.layout import layout_of
from ordersaga.web.dashboard.money import in_format
from ordersaga.web.dashboard.reading import Readings
from ordersaga.web.dashboard.timeline import is_going_back
from ordersaga.web.dashboard.views import View
from ordersaga.web.dashboard.worklist_view import added_up
from ordersaga.web.reads import AppState

T = TypeVar("T")

MOST = 100
"""Orders that one decision may be taken on."""
_AT_ONCE = 5
_STEP = "|"
"""Stands in a target between the order's id, whether the step is being undone, and its name."""


class Chosen(BaseModel):
    """What the worklist and the preview send. `order` are the chosen orders, `target` the steps that were shown."""

    choice: str = ""
    order: list[str] = []
    target: list[str] = []
    by: str = ""
    note: str = ""


@dataclass(frozen=True)
class Target:
    """A step of an order that the decision is on, and what it will do."""

    value: str
    order_id: str
    title: str
    says: str
    amount: str
    at_risk: Money | None


@dataclass(frozen=True)
class LeftOut:
    """An order that the decision cannot be taken on, and why."""

    order_id: str
    why: str


@dataclass(frozen=True)
class Outcome:
    """What came of the decision on one step."""

    order_id: str
    title: str
    says: str
    tone: str


async def preview_view(readings: Readings, caller: Caller, chosen: Chosen, problem: str = "") -> View:
    """What the decision will do to each chosen order. Raises DecisionRefused where there is nothing to decide."""
    choice = _choice(chosen)
    order_ids = list(dict.fromkeys(chosen.order or [target.partition(_STEP)[0] for target in chosen.target]))
    if not order_ids:
        raise DecisionRefused("No order is chosen. Nothing was changed.")
    if len(order_ids) > MOST:
        raise DecisionRefused(f"Choose at most {MOST} orders at a time. Nothing was changed.")
    found = await _each(order_ids, lambda order_id: _targets(readings.state, order_id, choice))
    targets = [each for part in found for each in part if isinstance(each, Target)]
    risks = {each.order_id: each.at_risk for each in targets if each.at_risk is not None}
    labels = choice_labels(choice.name, "")
    context = {
        "layout": await layout_of(readings.state.overview, "worklist", caller),
        "choice": choice,
        "labels": labels,
        "targets": targets,
        "orders": len({each.order_id for each in targets}),
        "sums": added_up(risks.values()),
        "left_out": [each for part in found for each in part if isinstance(each, LeftOut)],
        "by": chosen.by or (caller.name if caller.key else ""),
        "note": chosen.note,
        "problem": problem,
    }
    return View("worklist_preview.html", context, {})


async def decide_on_all(readings: Readings, caller: Caller, chosen: Chosen) -> View:
    """Carry the decision out on all steps that were shown, and tell what came of each. Raises DecisionRefused."""
    choice, sent = _choice(chosen), Sent(by=chosen.by, note=chosen.note)
    by, note = name_of(caller, sent), shortened("The note", sent.note, LONGEST_NOTE)
    if choice_labels(choice.name, "").note_required and not note:
        raise DecisionRefused("Give a reference or a reason: it is kept with each order. Nothing was changed.")
    targets = list(dict.fromkeys(chosen.target))[:MOST]
    outcomes = await _each(targets, lambda target: _decided(readings.state, target, choice.name, by, note))
    context = {
        "layout": await layout_of(readings.state.overview, "worklist", caller),
        "choice": choice,
        "outcomes": outcomes,
        "done": sum(each.tone == "ok" for each in outcomes),
    }
    return View("worklist_done.html", context, {})


async def _each(items: Sequence[str], work: Callable[[str], Awaitable[T]]) -> list[T]:
    """The work for each item, some at a time, in the order of the items."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(item: str) -> T:
        async with gate:
            return await work(item)

    return list(await asyncio.gather(*map(one, items)))


async def _targets(state: AppState, order_id: str, choice: BulkChoice) -> Sequence[Target | LeftOut]:
    """The steps of an order that the decision can be taken on."""
    try:
        known = await state.overview.order(order_id)
    except OrdersagaError as error:
        return [LeftOut(order_id, str(error))]
    if not known.fresh or not known.value.live:
        return [LeftOut(order_id, "Nothing can be decided while no worker answers for this order.")]
    steps = [step for step in known.value.view.steps if choice.name in step.choices]
    if not steps:
        return [LeftOut(order_id, f"It does not wait for \u201c{choice.button}\u201d, or no longer.")]
    return [_target(known.value, step, choice) for step in steps]


def _target(details: OrderDetails, step: StepStatus, choice: BulkChoice) -> Target:
    view, waits = details.view, details.attention
    country = details.order.shipping_address.country if details.order else None
    amount = in_format(Money.parse(view.amount, view.currency), country) if view.currency else ""
    risk = waits.amount_at_risk if waits is not None else None
    return Target(
        value=_STEP.join((view.order_id, "undo" if is_going_back(step) else "do", step.name)),
        order_id=view.order_id,
        title=_title(step.name, is_going_back(step)),
        says=what_happens(choice.name, step, view, amount),
        amount=amount,
        at_risk=Money.parse(risk, view.currency) if risk and view.currency else None,
    )


async def _decided(state: AppState, target: str, choice: str, by: str, note: str) -> Outcome:
    order_id, undoing, step = [*target.split(_STEP, 2), "", ""][:3]
    title = _title(step, undoing == "undo")
    try:
        decision = OrderDecision.model_validate({"choice": choice, "by": by, "note": note, "step": step or None})
        view = await state.client.resolve(order_id, decision)
    except ValidationError as error:
        problems = describe_problems(error)
        return Outcome(order_id, title, f"This is no decision ({problems}). Nothing was changed.", "bad")
    except OrdersagaError as error:
        return Outcome(order_id, title, str(error), "bad")
    finally:
        state.overview.changed(order_id)
    waits = unresolved(view, decision) if choice == "retry" else None
    if waits is not None:
        return Outcome(order_id, title, f"Tried again, and it did not succeed: {waits.last_error}", "warn")
    return Outcome(order_id, title, "Carried out.", "ok")


def _title(step: str, undoing: bool) -> str:
    said = step_labels(step)
    return (said.undo if undoing else said.do).title


def _choice(chosen: Chosen) -> BulkChoice:
    found = next((each for each in BULK if each.name == chosen.choice), None)
    if found is None:
        raise DecisionRefused("There is no such decision. Nothing was changed.")
    return found
