"""The campaign's pure functions: the plan from a seed, the checks of answers, the figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ordersaga.demo.retail import sample_orders
from ordersaga.domain.order import OrderPolicy
from ordersaga.domain.result import CancelAnswer, CancelOutcome, OrderResult, OrderStatus, PlacedOrder
from ordersaga.domain.worklist import Attention
from ordersaga.saga import Choice
from ordersaga.stack.faults import Fault, Kind
from resilience.chaos.checks import Finding, OrderRecord, check_order
from resilience.chaos.plan import CANCELS, KINDS, Act, Action, PlannedOrder, RefusalCause, draw
from resilience.chaos.process_faults import FaultedProcess
from resilience.chaos.report import Report, counted, percentile, recoveries

PLAN = draw(7, 80)


def planned(*acts: Act, refusal_cause: RefusalCause | None = None, faults: tuple[Fault, ...] = ()) -> PlannedOrder:
    return PlannedOrder(0, sample_orders()[0], refusal_cause, faults, tuple(Action(act, 0) for act in acts))


def record(*statuses: OrderStatus, plan: PlannedOrder | None = None, **known: Any) -> OrderRecord:
    """The record of an order with these results, one per caller."""
    error = {OrderStatus.FAILED: "the charge failed"}
    results = [OrderResult(order_id="A", status=status, error=error.get(status)) for status in statuses]
    return OrderRecord(plan or planned(Act.CANCEL_BY_UPDATE), results=results, **known)


def answer(outcome: CancelOutcome, status: OrderStatus) -> CancelAnswer:
    return CancelAnswer(order_id="A", outcome=outcome, status=status)


def placed(run_id: str, created: bool = False) -> PlacedOrder:
    return PlacedOrder(order_id="A", workflow_id="order-A", run_id=run_id, created=created)


def test_a_seed_gives_the_same_plan_and_another_one_another() -> None:
    assert list(draw(7, 80).lines()) == list(PLAN.lines())
    assert list(draw(8, 80).lines()) != list(PLAN.lines())


def test_an_order_is_the_same_in_a_longer_campaign() -> None:
    assert draw(7, 20).orders == PLAN.orders[: len(draw(7, 20).orders)]


def test_a_plan_has_everything_that_can_go_wrong() -> None:
    faults = [fault for order in PLAN.orders for fault in order.faults]
    assert {fault.kind for fault in faults} == set(KINDS) == set(Kind) - {Kind.HANG}
    assert {action.act for order in PLAN.orders for action in order.actions} == set(Act)
    assert {order.refusal_cause for order in PLAN.orders} == {None, *RefusalCause}
    assert {target for fault in PLAN.process_faults for target in fault.targets} == {"worker", "services", "temporal"}
    assert {fault.stopped is None for fault in PLAN.process_faults} == {True, False}
    assert any(order.lasting for order in PLAN.orders)
    assert {order.decision for order in PLAN.orders} == {None, *Choice} - {Choice.GO_FORWARD}
    assert any(sum(action.act in CANCELS for action in order.actions) > 1 for order in PLAN.orders)
    assert {(order.order.policy or OrderPolicy()).fast_path > 0 for order in PLAN.orders} == {True, False}


def test_orders_come_at_a_steady_rate_under_ids_that_name_the_seed() -> None:
    assert [order.order.order_id for order in PLAN.orders] == [f"c7-{number}" for number in range(480)]
    assert [order.at for order in draw(7, 2, rate=2).orders] == [0, 0.5, 1, 1.5]


def test_no_service_refuses_what_it_may_have_done() -> None:
    refusals = [fault for order in PLAN.orders for fault in order.faults if fault.kind is Kind.REFUSE]
    assert {fault.attempts for fault in refusals} == {(1,)}


def test_the_plan_is_logged_as_json_lines() -> None:
    first, *others = [json.loads(line) for line in PLAN.lines()]
    assert first == {"seed": 7, "seconds": 80, "orders": 480}
    assert len(others) == len(PLAN.process_faults) + len(PLAN.orders)


@pytest.mark.parametrize(
    "good",
    [
        record(OrderStatus.COMPLETED, answers=[answer(CancelOutcome.TOO_LATE, OrderStatus.PROCESSING)]),
        record(OrderStatus.CANCELLED, answers=[answer(CancelOutcome.CANCELLED, OrderStatus.COMPENSATING)]),
        record(OrderStatus.FAILED, answers=[answer(CancelOutcome.TOO_LATE, OrderStatus.FAILED)]),
        record(OrderStatus.COMPLETED, OrderStatus.COMPLETED, placed=[placed("r", created=True), placed("r")]),
        record(OrderStatus.FAILED, plan=planned(refusal_cause=RefusalCause.DECLINED)),
        record(waits_as=Attention.PARKED),
        record(
            OrderStatus.FAILED,
            plan=planned(Act.TERMINATE, Act.CANCEL_BY_UPDATE),
            answers=[answer(CancelOutcome.CANCELLED, OrderStatus.COMPENSATING)],
        ),
    ],
)
def test_nothing_is_wrong_with_right_answers(good: OrderRecord) -> None:
    assert check_order(good) == []


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (
            record(OrderStatus.COMPLETED, answers=[answer(CancelOutcome.CANCELLED, OrderStatus.COMPENSATING)]),
            "answered",
        ),
        (record(OrderStatus.FAILED, answers=[answer(CancelOutcome.CANCELLED, OrderStatus.COMPENSATING)]), "answered"),
        (record(OrderStatus.CANCELLED, answers=[answer(CancelOutcome.TOO_LATE, OrderStatus.PROCESSING)]), "answered"),
        (record(OrderStatus.CANCELLED, answers=[answer(CancelOutcome.TOO_LATE, OrderStatus.COMPLETED)]), "answered"),
        (record(OrderStatus.COMPLETED, OrderStatus.FAILED), "differ"),
        (record(OrderStatus.COMPLETED, placed=[placed("r1", created=True), placed("r2")]), "2 runs"),
        (record(OrderStatus.COMPLETED, placed=[placed("r", created=True)] * 2), "created more than once"),
        (record(OrderStatus.COMPLETED, other_content_taken=1), "other content"),
        (record(OrderStatus.COMPLETED, unexpected_errors=["place_again met KeyError: 'x'"]), "KeyError"),
        (record(OrderStatus.COMPLETED, plan=planned(refusal_cause=RefusalCause.DECLINED)), "declined, but completed"),
        (record(OrderStatus.CANCELLED, plan=planned()), "nobody requested"),
        (record(OrderStatus.NEEDS_ATTENTION), "with the status needs_attention"),
        (record(), "has not ended and"),
        (record(waits_as=Attention.CUT_OFF), "not recovered"),
        (
            record(
                OrderStatus.COMPLETED,
                plan=planned(Act.TERMINATE, Act.CANCEL_BY_UPDATE),
                answers=[answer(CancelOutcome.CANCELLED, OrderStatus.COMPENSATING)],
            ),
            "answered",
        ),
    ],
)
def test_a_wrong_answer_is_found(wrong: OrderRecord, problem: str) -> None:
    (finding,) = check_order(wrong)
    assert problem in finding.detail
    assert finding.order_id == wrong.order_id


@pytest.mark.parametrize(
    ("reason", "findings"),
    [
        (planned(), 1),
        (planned(refusal_cause=RefusalCause.DECLINED), 0),
        (planned(faults=(Fault(Kind.REFUSE, "charge"),)), 0),
    ],
)
def test_a_refusal_has_a_reason(reason: PlannedOrder, findings: int) -> None:
    refused = OrderResult(order_id="A", status=OrderStatus.FAILED, error="declined", refusal="PaymentDeclined")
    assert len(check_order(OrderRecord(reason, results=[refused]))) == findings


def test_a_failure_without_a_reason_is_found() -> None:
    (finding,) = check_order(OrderRecord(planned(), results=[OrderResult(order_id="A", status=OrderStatus.FAILED)]))
    assert "failed without a reason" in finding.detail


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (50, 5), (90, 9), (99, 10), (100, 10)])
def test_percentiles_are_values_that_occurred(percent: float, expected: float) -> None:
    assert percentile([10, 2, 3, 4, 5, 6, 7, 8, 9, 1], percent) == expected
    assert percentile([], percent) is None


def test_recovery_counts_the_orders_in_flight_at_each_kill() -> None:
    lasting = planned(faults=(Fault(Kind.UNAVAILABLE, "refund", attempts=None),))
    records = [
        record(placed_at=1, ended_at=4),
        record(placed_at=3, ended_at=9),  # placed after the first kill
        record(placed_at=0, ended_at=1.5),  # ended before it
        record(placed_at=1),  # never ended
        record(plan=lasting, placed_at=1, ended_at=60),  # waited for its service
        record(plan=planned(Act.TERMINATE), placed_at=1, ended_at=60),  # waited for the watcher
    ]
    faulted = [
        FaultedProcess(2, "worker", True),
        FaultedProcess(2.5, "worker", False),
        FaultedProcess(5, "temporal", True),
    ]
    assert sorted(recoveries(records, faulted)) == [2, 4]


def report(*violations: Finding, balanced: bool = True) -> Report:
    return Report(
        seed=7,
        orders=2,
        not_placed=0,
        ends=counted(["completed", "completed"]),
        faults={"slow": 3},
        kills={"worker": 1},
        stops={},
        decisions={},
        recovery_p50=1.25,
        recovery_p99=None,
        ended_after=4,
        rounds=9,
        seconds=70,
        balanced=balanced,
        unsettled=[],
        violations=list(violations),
    )


def test_a_report_says_what_to_run_to_look_at_a_violation() -> None:
    lines = "\n".join(report(Finding("its cancel was answered wrongly", "c7-5")).lines(Path("out")))
    assert "c7-5: its cancel was answered wrongly" in lines
    assert "ordersaga up --data-dir out/stack" in lines
    assert "ordersaga show c7-5" in lines


def test_a_report_is_good_only_if_nothing_is_wrong() -> None:
    assert report().good
    assert report().to_json()["good"] is True
    assert not report(Finding("something")).good
    assert not report(balanced=False).good
