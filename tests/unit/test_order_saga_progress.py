"""The reports to the register while a step waits for a person, and when they stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.common import RawValue, TypedSearchAttributes

from ordersaga.contracts.register import Attention as AttentionRecord
from ordersaga.contracts.register import AttentionStep, ProgressRequest
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention
from ordersaga.orders.workflows.handlers import OrderHandlers
from ordersaga.saga import Choice, Decided, Decision, Phase, StepRecord, StepState, UndoOutcome
from ordersaga.saga.decisions import UNDO_OF_PIVOT
from tests.unit.engine import failed
from tests.unit.orders import order_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BY_A_PERSON = ["retry", "done_by_hand", "write_off"]

pytestmark = pytest.mark.asyncio(loop_scope="function")
"""Each test has its own event loop. Otherwise its leftovers would run for the rest of the session."""


class Call(asyncio.Future[RawValue | None]):
    """A report on its way."""

    asked_to_end = False

    def cancel(self, msg: Any = None) -> bool:
        """Request the end of the call, which the server decides."""
        self.asked_to_end = True
        return False

    def end(self) -> None:
        """End the call, as the server would."""
        super().cancel()


class Reports:
    """The reports that Temporal was asked to send. The test answers them."""

    def __init__(self) -> None:
        self.now = NOW
        self.calls: list[Call] = []
        self.progress: list[ProgressRequest] = []
        self.options: list[dict[str, Any]] = []

    def start(self, name: str, argument: Any, **options: Any) -> Call:
        """Record the report."""
        assert (name, argument.order_id) == ("record_progress", "A-1")
        self.progress.append(argument.progress)
        self.options.append(options)
        self.calls.append(Call())
        return self.calls[-1]

    @property
    def last(self) -> AttentionRecord | None:
        """What waits for a person, as far as the register knows."""
        return self.progress[-1].attention


async def wait_condition(condition: Callable[[], bool], **options: Any) -> None:
    while not condition():
        await asyncio.sleep(0)


async def all_is_idle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest_asyncio.fixture(autouse=True, loop_scope="function")
async def reports(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Reports]:
    reports = Reports()
    info = SimpleNamespace(typed_search_attributes=TypedSearchAttributes([]), raw_memo={})
    monkeypatch.setattr(workflow, "now", lambda: reports.now)
    monkeypatch.setattr(workflow, "info", lambda: info)
    monkeypatch.setattr(workflow, "set_current_details", lambda details: None)
    monkeypatch.setattr(workflow, "wait_condition", wait_condition)
    monkeypatch.setattr(workflow, "start_activity", reports.start)
    yield reports
    for call in reports.calls:
        call.end()


@pytest.fixture
def order(reports: Reports) -> OrderHandlers:
    return OrderHandlers(order_of(policy={"http_timeout": 7}))


def charge(order: OrderHandlers) -> StepRecord:
    return order.saga.records["charge_payment"]


def write_off(order: OrderHandlers, record: StepRecord) -> None:
    """Write it off, as a person would."""
    decision = Decision(record.name, Choice.WRITE_OFF, "Ada", "too small")
    order.saga.log.resolved(record, Decided(decision, NOW), StepState.WRITTEN_OFF)


async def test_nothing_is_reported_before_something_waits_for_a_person(order: OrderHandlers, reports: Reports) -> None:
    order.cancel("no more")
    await all_is_idle()
    assert reports.calls == []

    await order._reports.end()
    assert reports.calls == []


async def test_what_waits_for_a_person_is_reported_with_all_details(order: OrderHandlers, reports: Reports) -> None:
    record, ship = charge(order), order.saga.records["create_shipment"]
    order.saga.phase = Phase.UNWINDING
    order.saga.log.undo_begun(record, "no more")
    record.attempts, record.undo_attempts = 2, 3
    order.saga.log.parked(record, "the bank is away")
    record.next_try = NOW + 5 * MINUTE
    reports.now = NOW + MINUTE
    order.saga.log.parked(ship, "no answer", UNDO_OF_PIVOT)
    ship.attempts, ship.undo_attempts = 4, 0
    await all_is_idle()

    (progress,) = reports.progress
    timeline = order.projection.view().timeline
    assert progress.model_dump(exclude={"events", "attention"}) == {
        "owner": order.order.fingerprint,
        "run_id": "-",
        "number": len(timeline),
        "status": OrderStatus.NEEDS_ATTENTION,
    }
    assert [each.kind for each in progress.events] == [entry.kind for entry in timeline]
    assert progress.attention == AttentionRecord(
        kind=Attention.PARKED,
        amount_at_risk="44.98",
        since=NOW,
        steps=[
            AttentionStep(
                step="charge_payment",
                undoing=True,
                error="the bank is away",
                attempts=3,
                next_try=NOW + 5 * MINUTE,
                choices=BY_A_PERSON,
            ),
            AttentionStep(step="create_shipment", error="no answer", attempts=4, choices=[*BY_A_PERSON, "go_forward"]),
        ],
    )
    assert reports.options == [
        {
            "result_type": RawValue,
            "start_to_close_timeout": timedelta(seconds=7),
            "summary": "register: what waits for a person",
        }
    ]


async def test_changes_during_a_report_are_reported_after_it(order: OrderHandlers, reports: Reports) -> None:
    order.saga.log.parked(charge(order), "the bank is away")
    await all_is_idle()
    order.saga.log.parked(order.saga.records["reserve_inventory"], "no stock")
    await all_is_idle()
    assert len(reports.calls) == 1

    reports.calls[0].set_result(None)
    await all_is_idle()
    assert reports.last is not None
    assert [each.step for each in reports.last.steps] == ["reserve_inventory", "charge_payment"]
    reports.calls[1].set_result(None)
    await all_is_idle()
    assert len(reports.calls) == 2


async def test_a_report_follows_the_end_of_the_waiting_but_not_its_continuation(
    order: OrderHandlers, reports: Reports
) -> None:
    order.saga.log.parked(charge(order), "the bank is away")
    await all_is_idle()
    reports.calls[0].set_result(None)
    order.cancel("no more")
    await all_is_idle()
    assert len(reports.calls) == 1

    write_off(order, charge(order))
    await all_is_idle()
    assert len(reports.calls) == 2
    assert reports.last is None


async def test_a_decision_is_reported_before_it_is_carried_out(order: OrderHandlers, reports: Reports) -> None:
    order.saga.log.parked(charge(order), "the bank is away")
    await all_is_idle()
    reports.calls[0].set_result(None)
    order.saga.decisions.add(Decision("charge_payment", Choice.RETRY, "Ada"))
    await all_is_idle()
    assert reports.last is not None
    assert [each.choices for each in reports.last.steps] == [[]]


async def test_a_changed_amount_at_risk_is_reported(order: OrderHandlers, reports: Reports) -> None:
    order.saga.log.parked(order.saga.records["reserve_inventory"], "no stock")
    await all_is_idle()
    assert reports.last is not None
    assert reports.last.amount_at_risk == "0.00"
    reports.calls[0].set_result(None)
    order.saga.log.begin(charge(order), 1, NOW)
    await all_is_idle()
    assert reports.last.amount_at_risk == "44.98"


async def test_another_waiting_step_is_reported(order: OrderHandlers, reports: Reports) -> None:
    stock, ship = order.saga.records["reserve_inventory"], order.saga.records["create_shipment"]
    order.saga.log.parked(stock, "no answer")
    await all_is_idle()
    reports.calls[0].set_result(None)
    write_off(order, stock)
    order.saga.log.parked(ship, "no answer")
    await all_is_idle()
    assert reports.last is not None
    assert [each.step for each in reports.last.steps] == ["create_shipment"]


async def test_after_a_rejected_report_the_next_change_is_reported(order: OrderHandlers, reports: Reports) -> None:
    order.saga.log.parked(charge(order), "the bank is away")
    await all_is_idle()
    reports.calls[0].set_exception(failed("it has ended", final=True))
    order.saga.log.undo_answered(charge(order), UndoOutcome.UNDONE, 1, "")
    await all_is_idle()
    assert len(reports.calls) == 2


# -- the end


async def test_a_report_that_is_under_way_at_the_end_is_ended_and_waited_for(
    order: OrderHandlers, reports: Reports
) -> None:
    order.saga.log.parked(charge(order), "the bank is away")
    await all_is_idle()
    ending = asyncio.create_task(order._reports.end())
    await all_is_idle()
    (call,) = reports.calls
    assert call.asked_to_end
    assert not ending.done()
    call.end()

    await ending
    write_off(order, charge(order))
    await all_is_idle()
    assert len(reports.calls) == 1, "what is told at the end says more"


async def test_a_report_has_begun_before_it_is_ended(
    order: OrderHandlers, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK would forget a report that has not begun, and continue as if it had been sent."""
    begun: list[bool] = []

    def start(*args: Any, **options: Any) -> asyncio.Task[None]:
        async def made() -> None:
            begun.append(True)
            await asyncio.Event().wait()

        order._reports._over = True
        return asyncio.create_task(made())

    monkeypatch.setattr(workflow, "start_activity", start)
    order.saga.log.parked(charge(order), "the bank is away")
    await all_is_idle()
    assert begun == [True]


async def test_a_report_that_was_answered_is_not_ended(order: OrderHandlers, reports: Reports) -> None:
    order.saga.log.parked(charge(order), "the bank is away")
    await all_is_idle()
    reports.calls[0].set_result(None)
    await all_is_idle()
    await order._reports.end()
    assert not reports.calls[0].asked_to_end


async def test_nothing_is_reported_after_the_end(order: OrderHandlers, reports: Reports) -> None:
    await order._reports.end()
    order.saga.log.parked(charge(order), "the bank is away")
    await all_is_idle()
    assert reports.calls == []


async def test_an_evicted_run_ends_its_reports(order: OrderHandlers, reports: Reports) -> None:
    order.saga.log.parked(charge(order), "the bank is away")
    await all_is_idle()
    ending = asyncio.create_task(order._reports.end())
    await all_is_idle()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    reports.calls[0].set_result(None)

    with pytest.raises(asyncio.CancelledError):
        await ending
    assert len(reports.calls) == 1


async def test_a_report_after_the_end_is_repeated_until_it_succeeds(order: OrderHandlers, reports: Reports) -> None:
    order.saga.records["send_confirmation"].state = StepState.GAVE_UP
    attention = AttentionRecord(kind=Attention.MAIL_NOT_SENT, amount_at_risk="0", since=NOW)
    order.cancel("no more")
    telling = asyncio.create_task(order._reports.after_end(OrderStatus.COMPLETED, attention))
    await all_is_idle()
    (progress,) = reports.progress
    assert (progress.status, progress.attention, progress.number) == (OrderStatus.COMPLETED, attention, 1)
    assert not telling.done()
    assert not reports.calls[0].asked_to_end
    reports.calls[0].set_result(None)
    await telling
