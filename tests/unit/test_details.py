"""The actions that an order allows, and who sees them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ordersaga.domain.result import OrderStatus, OrderSummary, OrderView, StepStatus, TimelineEntry
from ordersaga.orders.reading import OrderDetails, actions_of, with_choices, without_choices
from ordersaga.web.access import LOCAL, Caller, Scope
from ordersaga.web.api.models import OrderDocument
from ordersaga.web.reads.cache import Snapshot

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DECISIONS = ["retry", "done_by_hand", "write_off"]
ADA = Caller("ada", frozenset(Scope), customer_id="ada")


PARKED = TimelineEntry(
    at=NOW, kind="step_parked", step="charge_payment", was="undoing", state="parked", undoing=True, message="500"
)
RETRY = TimelineEntry(
    at=NOW, kind="step_resolved", step="charge_payment", was="parked", state="parked", choice="retry", by="Grace"
)


def view(status: OrderStatus, *steps: StepStatus) -> OrderView:
    timeline = [TimelineEntry(at=NOW, kind="cancel_requested", reason="x"), PARKED, RETRY]
    return OrderView(order_id="1", status=status, amount="1.00", currency="USD", steps=list(steps), timeline=timeline)


def charge(state: str, *choices: str) -> StepStatus:
    return StepStatus(
        name="charge_payment",
        id="pay-1",
        state=state,
        undoing=True,
        last_error="payment answered 500",
        next_try=NOW,
        choices=list(choices),
    )


def allowed(view: OrderView) -> list[tuple[str | None, str]]:
    return [(action.step, action.name) for action in actions_of(view)]


@pytest.mark.parametrize("status", OrderStatus)
def test_an_order_that_goes_forward_can_be_cancelled(status: OrderStatus) -> None:
    forward = status in (OrderStatus.PENDING, OrderStatus.PROCESSING)
    assert allowed(view(status, charge("done"))) == ([(None, "cancel")] if forward else [])


@pytest.mark.parametrize(
    ("status", "state"), [(OrderStatus.NEEDS_ATTENTION, "parked"), (OrderStatus.COMPENSATING, "undo_requested")]
)
def test_a_step_is_decided_on_as_its_choices_say(status: OrderStatus, state: str) -> None:
    assert allowed(view(status, charge(state))) == []
    assert allowed(view(status, charge(state, *DECISIONS))) == [("charge_payment", name) for name in DECISIONS]
    assert allowed(view(status, charge(state, "go_forward"))) == [("charge_payment", "go_forward")]


def test_an_email_that_was_not_sent_is_decided_on_after_the_end() -> None:
    mail = StepStatus(name="send_confirmation", id="msg-1", state="gave_up")
    ended = with_choices(view(OrderStatus.COMPLETED, charge("done"), mail), "send_confirmation")
    assert allowed(ended) == [("send_confirmation", name) for name in DECISIONS]


def test_a_run_that_was_cut_off_tries_nothing_and_takes_no_decisions() -> None:
    cut_off = without_choices(view(OrderStatus.NEEDS_ATTENTION, charge("parked", *DECISIONS)))
    assert (allowed(cut_off), cut_off.steps[0].next_try) == ([], None)


def test_a_customer_does_not_see_the_shops_decisions() -> None:
    found = view(OrderStatus.NEEDS_ATTENTION, charge("parked", *DECISIONS))
    summary = OrderSummary(order_id="1", status=found.status, run_id="r", started_at=NOW, customer_id="ada")
    details = OrderDetails(
        summary=summary, order=None, view=found, live=True, workflow_id="order-1", run_id="r", actions=actions_of(found)
    )
    shops, adas = (OrderDocument.of(Snapshot(details, NOW), caller) for caller in (LOCAL, ADA))
    assert (shops.steps[0].choices, [action.name for action in shops.actions]) == (DECISIONS, DECISIONS)
    assert (adas.steps[0].choices, adas.steps[0].last_error) == ([], None)
    assert shops.timeline == found.timeline
    assert adas.timeline == [TimelineEntry(at=NOW, kind="step_parked", step="charge_payment", state="parked")]
