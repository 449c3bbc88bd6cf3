"""The ending that the register gets for an order, and what it leaves for a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ordersaga.contracts.register import Attention as AttentionRecord
from ordersaga.contracts.register import AttentionStep
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention
from ordersaga.orders.workflows.register import ORDER_REGISTER, order_ending, order_result
from ordersaga.orders.workflows.story import ORDER_SAGA
from ordersaga.saga import (
    CancelRequested,
    Choice,
    Decided,
    Decision,
    SagaEnding,
    StepBegun,
    StepRecord,
    StepState,
    Verdict,
)
from ordersaga.saga.first_attempts import registered_name
from tests.unit.orders import order_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def order() -> OrderInput:
    return order_of()


@pytest.fixture
def ending() -> SagaEnding:
    """The ending of an order that was cancelled and undone."""
    steps = [StepRecord(each.name, each.name, each.effect_id("A-1"), StepState.UNDONE) for each in ORDER_SAGA.steps]
    return SagaEnding(
        key="A-1",
        verdict=Verdict.UNDONE,
        cancelled=True,
        error=None,
        refusal=None,
        cancel_reason="ordered twice",
        steps=steps,
        answers={},
        events=[],
        decided=[],
    )


def mail_of(ending: SagaEnding) -> StepRecord:
    return next(record for record in ending.steps if record.name == "send_confirmation")


@pytest.mark.parametrize(
    ("verdict", "cancelled", "status"),
    [
        (Verdict.STANDS, False, OrderStatus.COMPLETED),
        (Verdict.STANDS, True, OrderStatus.COMPLETED),
        (Verdict.UNDONE, False, OrderStatus.FAILED),
        (Verdict.UNDONE, True, OrderStatus.CANCELLED),
    ],
)
def test_an_ending_contains_the_result_and_the_owner(
    order: OrderInput, ending: SagaEnding, verdict: Verdict, cancelled: bool, status: OrderStatus
) -> None:
    ending = replace(ending, verdict=verdict, cancelled=cancelled)
    received = order_ending(order, ending)

    assert (received.order_id, received.ahead) == ("A-1", False)
    assert received.ending.model_dump() == {
        "owner": order.fingerprint,
        "status": status,
        "result": order_result(order, ending).model_dump(mode="json"),
        "run_id": "-",
        "events": [],
        "attention": None,
    }


def test_an_ending_says_that_it_was_written_on_the_fast_path(order: OrderInput, ending: SagaEnding) -> None:
    assert order_ending(order, replace(ending, ahead=True)).ahead


def test_events_are_reported_in_order_and_numbered(order: OrderInput, ending: SagaEnding) -> None:
    untold = StepBegun(at=NOW, step="charge_payment", state=StepState.RUNNING, was=StepState.PENDING, since=None)
    asked = [
        CancelRequested(at=NOW, reason="ordered twice", by="Ada"),
        CancelRequested(at=LATER, reason="ordered thrice"),
    ]
    received = order_ending(order, replace(ending, events=[asked[0], untold, asked[1]]))

    assert [each.model_dump() for each in received.ending.events] == [
        {
            "number": 1,
            "at": NOW,
            "kind": "cancel_requested",
            "data": {"reason": "ordered twice", "by": "Ada"},
            "run_id": None,
        },
        {"number": 2, "at": LATER, "kind": "cancel_requested", "data": {"reason": "ordered thrice"}, "run_id": None},
    ]


def test_a_result_contains_every_step_and_every_decision(order: OrderInput, ending: SagaEnding) -> None:
    record = ending.steps[1]
    record.state, record.attempts, record.undo_attempts, record.last_error = StepState.WRITTEN_OFF, 2, 3, "broken"
    write_off = Decided(Decision("charge_payment", Choice.WRITE_OFF, "Ada", "too small"), NOW)

    result = order_result(order, replace(ending, decided=[write_off]))

    assert result.cancel_reason == "ordered twice"
    assert result.steps[1].model_dump() == {
        "name": "charge_payment",
        "id": "pay-A-1",
        "state": "written_off",
        "attempts": 2,
        "undo_attempts": 3,
        "last_error": "broken",
    }
    assert [(each.step, each.choice, each.by, each.note, each.at) for each in result.decisions] == [
        ("charge_payment", "write_off", "Ada", "too small", NOW)
    ]


def test_an_email_that_was_not_sent_is_left_for_a_person(order: OrderInput, ending: SagaEnding) -> None:
    mail = mail_of(ending)
    mail.state, mail.since, mail.attempts, mail.last_error = StepState.GAVE_UP, NOW, 4, "no such mailbox"

    received = order_ending(order, replace(ending, verdict=Verdict.STANDS))

    assert received.ending.attention == AttentionRecord(
        kind=Attention.MAIL_NOT_SENT,
        amount_at_risk="0",
        since=NOW,
        steps=[
            AttentionStep(
                step="send_confirmation",
                error="no such mailbox",
                attempts=4,
                choices=["retry", "done_by_hand", "write_off"],
            )
        ],
    )


@pytest.mark.parametrize("state", [state for state in StepState if state is not StepState.GAVE_UP])
def test_an_email_that_did_not_fail_needs_no_person(order: OrderInput, ending: SagaEnding, state: StepState) -> None:
    for record in ending.steps:
        record.state, record.since = StepState.GAVE_UP, NOW
    mail_of(ending).state = state
    assert order_ending(order, ending).ending.attention is None


def test_the_register_is_asked_by_these_activities_and_on_the_fast_path() -> None:
    register = ORDER_REGISTER
    calls = (register.claim, register.unwind, register.forward, register.close, register.decide)
    assert [registered_name(each) for each in calls] == [
        "accept_order",
        "announce_unwind",
        "announce_forward",
        "close_order",
        "record_decision",
    ]
    assert register.fast_path
