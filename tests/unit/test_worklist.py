"""The worklist from the register and Temporal: merged, sorted and filtered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from ordersaga.contracts.register import Attention as AttentionRecord
from ordersaga.contracts.register import AttentionStep, OrderEntry, OrderRecord
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention, DecisionChoice, WorklistItem, WorklistSort, arranged
from ordersaga.orders.register.orders import view_of
from ordersaga.orders.worklist import together, waiting_item
from ordersaga.saga import Choice

NOW = datetime(2026, 3, 1, tzinfo=UTC)
REFUND = AttentionStep(step="charge_payment", undoing=True, error="payment answered 500", attempts=3, choices=["retry"])


def item(
    order_id: str, minutes: int = 0, amount: str | None = "1.00", currency: str = "USD", **more: Any
) -> WorklistItem:
    fields = {"attention": Attention.PARKED, "status": OrderStatus.NEEDS_ATTENTION} | more
    since = NOW - timedelta(minutes=minutes)
    return WorklistItem(order_id=order_id, since=since, amount_at_risk=amount, currency=currency, **fields)


def entry(attention: AttentionRecord | None, **more: Any) -> dict[str, Any]:
    return {
        "order_id": "1",
        "owner": "o",
        "customer_id": "ada",
        "amount": "44.98",
        "currency": "USD",
        "task_queue": "orders",
        "state": "unwinding",
        "status": "needs_attention",
        "attention": attention,
        "accepted_at": NOW,
    } | more


def test_the_longest_wait_comes_first_or_the_most_money_currency_by_currency() -> None:
    items = [
        item("little", 1, "9.00"),
        item("much", 2, "10.00"),
        item("euro", 3, "1.00", "EUR"),
        item("none", 4, "0"),
        item("unknown", 5, None),
    ]
    assert [each.order_id for each in arranged(items)] == ["unknown", "none", "euro", "much", "little"]
    by_amount = [each.order_id for each in arranged(items, WorklistSort.AMOUNT)]
    assert by_amount == ["euro", "much", "little", "unknown", "none"]


def test_an_order_that_is_parked_and_wedged_is_listed_once_as_wedged() -> None:
    wedged = item("1", attention=Attention.WEDGED)
    assert together([item("1"), item("2", 1)], [wedged]) == [item("2", 1), wedged]


@pytest.mark.parametrize(("kind", "attention"), [("parked", Attention.PARKED), ("from the future", Attention.OTHER)])
def test_what_the_register_has_is_listed_whatever_version_has_written_it(kind: str, attention: Attention) -> None:
    waits = AttentionRecord(kind=kind, amount_at_risk="44.98", since=NOW, steps=[REFUND])
    found = waiting_item(OrderEntry.model_validate(entry(waits)))
    assert found is not None
    assert (found.attention, found.since, found.amount_at_risk, found.customer_id) == (attention, NOW, "44.98", "ada")
    (step,) = found.steps
    assert (step.name, step.undoing, step.attempts, step.choices) == ("charge_payment", True, 3, ["retry"])
    assert waiting_item(OrderEntry.model_validate(entry(None))) is None


def record(attention: AttentionRecord | None = None, **more: Any) -> OrderRecord:
    return OrderRecord.model_validate(entry(attention, order={}) | more)


def ended_without_mail(*decisions: dict[str, Any], attention: AttentionRecord | None = None) -> OrderRecord:
    mail = {"name": "send_confirmation", "id": "msg-1", "state": "gave_up", "attempts": 4}
    result = {"order_id": "1", "status": "completed", "steps": [mail]}
    ending = {"status": "completed", "result": result, "run_id": "run/ahead", "at": NOW}
    return record(attention, status="completed", state="completed", ended_at=NOW, ending=ending, decisions=decisions)


def decision(
    choice: str, run_id: str = "later", step: str = "send_confirmation", undoing: bool = False
) -> dict[str, Any]:
    message = {"decision_id": choice, "by": "Ada", "note": "17", "at": NOW}
    return message | {"step": step, "choice": choice, "run_id": run_id, "undoing": undoing}


@pytest.mark.parametrize(
    ("choice", "state"), [("retry", "done"), ("done_by_hand", "done_by_hand"), ("write_off", "written_off")]
)
def test_an_order_shows_what_became_of_its_email_after_its_end(choice: str, state: str) -> None:
    view = view_of(ended_without_mail(decision(choice)))
    assert ([step.state for step in view.steps], [each.choice for each in view.decisions]) == ([state], [choice])


def test_an_email_that_still_waits_has_been_tried_as_often_as_was_reported_last() -> None:
    step = AttentionStep(step="send_confirmation", attempts=9, error="550")
    waits = AttentionRecord(kind="mail_not_sent", amount_at_risk="0", since=NOW, steps=[step])
    (mail,) = view_of(ended_without_mail(decision("retry"), attention=waits)).steps
    assert (mail.state, mail.attempts, mail.last_error) == ("gave_up", 9, "550")


def test_an_undo_that_was_done_by_hand_is_not_shown_as_a_do() -> None:
    """Fault 6: a refund done by hand is not a charge done by hand."""
    refund = {"name": "charge_payment", "id": "pay-1", "state": "done_by_hand"}
    result = {"order_id": "1", "status": "failed", "steps": [refund]}
    ending = {"status": "failed", "result": result, "run_id": "run", "at": NOW}
    decided = decision("done_by_hand", "run", "charge_payment", undoing=True)
    (step,) = view_of(record(status="failed", state="undone", ended_at=NOW, ending=ending, decisions=[decided])).steps
    assert step.undoing


def test_an_order_without_a_run_shows_the_last_report_and_offers_no_decision() -> None:
    waits = AttentionRecord(kind="parked", amount_at_risk="44.98", since=NOW, steps=[REFUND])
    (step,) = view_of(record(waits)).steps
    assert (step.name, step.id, step.state, step.undoing) == ("charge_payment", "pay-1", "parked", True)
    assert (step.undo_attempts, step.attempts, step.choices) == (3, 0, [])


def test_people_may_decide_what_the_engine_can_carry_out() -> None:
    assert set(get_args(DecisionChoice)) == set(Choice)
