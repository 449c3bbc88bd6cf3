"""Temporal's data about activities that it retries, as an order's view shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo

from ordersaga.domain.result import OrderStatus, OrderView, StepStatus
from ordersaga.orders.executions import with_pending_activities

SOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEFORE = datetime(2026, 3, 1, 11, tzinfo=UTC)
SCHEDULED = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED


def activity(verb: str, attempt: int, state: Any = SCHEDULED, error: str = "") -> PendingActivityInfo:
    """An activity on the charge."""
    failure = Failure(message=error) if error else None
    pending = PendingActivityInfo(activity_id=f"{verb} pay-1", state=state, attempt=attempt, last_failure=failure)
    if state == SCHEDULED:
        pending.scheduled_time.FromDatetime(SOON)
    return pending


def merged(step: dict[str, object], *pending: PendingActivityInfo) -> StepStatus:
    """The charge, merged with the data about these activities."""
    charge = StepStatus.model_validate({"name": "charge_payment", "id": "pay-1"} | step)
    view = OrderView(
        order_id="1", status=OrderStatus.PROCESSING, amount="1.00", currency="USD", steps=[charge], timeline=[]
    )
    description: Any = SimpleNamespace(raw_description=SimpleNamespace(pending_activities=pending))
    return with_pending_activities(view, description).steps[0]


@pytest.mark.parametrize("state", ["undoing", "undo_requested", "parked"])
def test_an_undo_that_waits_for_its_next_try(state: str) -> None:
    step = {"state": state, "undoing": True, "attempts": 1, "undo_attempts": 2, "last_error": "old", "next_try": BEFORE}
    found = merged(step, activity("undo", 4, error="payment answered 500"))
    assert (found.attempts, found.undo_attempts, found.last_error) == (1, 5, "payment answered 500")
    assert found.next_try == SOON


@pytest.mark.parametrize("state", ["running", "parked"])
def test_a_do_that_waits_for_its_next_try(state: str) -> None:
    found = merged({"state": state, "attempts": 1}, activity("do", 3, error="payment answered 500"))
    assert (found.attempts, found.undo_attempts, found.last_error) == (3, 0, "payment answered 500")
    assert found.next_try == SOON


def test_what_is_tried_right_now_is_not_due_later() -> None:
    step = {"state": "parked", "undoing": True, "last_error": "old", "next_try": BEFORE}
    found = merged(step, activity("undo", 1, STARTED))
    assert (found.undo_attempts, found.last_error, found.next_try) == (1, "old", None)


def test_the_workflows_own_pauses_are_shown_without_the_server() -> None:
    assert merged({"state": "parked", "undoing": True, "next_try": BEFORE}).next_try == BEFORE


@pytest.mark.parametrize(
    ("step", "verb"),
    [
        ({"state": "done", "attempts": 3}, "do"),
        ({"state": "undone", "undoing": True, "undo_attempts": 3}, "undo"),
        ({"state": "undoing", "undoing": True}, "do"),
        ({"state": "running"}, "undo"),
    ],
)
def test_a_step_that_has_gone_on_since_the_activities_were_read_stays_as_it_is(
    step: dict[str, object], verb: str
) -> None:
    assert merged(step, activity(verb, 3, error="long ago")) == merged(step)
