"""What a recovery run does, by its cause and the person's decision."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio import workflow
from temporalio.common import TypedSearchAttributes
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, RetryState

from ordersaga.contracts.register import Attention as AttentionRecord
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import DecisionEntry, OrderStatus
from ordersaga.domain.worklist import Attention, DecisionChoice, OrderDecision, Recovery
from ordersaga.orders.activities.payment import PaymentActivities
from ordersaga.orders.workflows.order import OrderSagaWorkflow
from ordersaga.orders.workflows.progress import ProgressReports
from ordersaga.orders.workflows.recovery import OrderRecoveryWorkflow
from ordersaga.saga import Decision, Outcome, SagaRun, StoryError, UndoRequest, Verdict
from tests.unit.orders import order_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UNDONE, CANCELLED = Outcome(Verdict.UNDONE, error="cut off"), Outcome(Verdict.UNDONE, cancelled=True)


class Runs:
    """The runs of sagas, and their scripted ends."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.kept: list[tuple[str, bool]] = []
        self.received: list[tuple[OrderStatus, object]] = []
        self.reports_ended = 0
        self.outcome = Outcome(Verdict.STANDS)
        self.error: Exception | None = None

    async def run(self, **how: Any) -> Outcome:
        """Record the run."""
        usual = {"unwind_because": None, "committed": False, "registered": True}
        self.asked.append({name: value for name, value in how.items() if value != usual[name]})
        if self.error is not None:
            raise self.error
        return self.outcome


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    runs = Runs()

    async def run(saga: object, **how: Any) -> Outcome:
        return await runs.run(**how)

    async def keep(saga: object, decision: Decision, *, undoing: bool = False) -> None:
        runs.kept.append((decision.choice, undoing))

    async def after_end(reports: object, status: OrderStatus, attention: object) -> None:
        runs.received.append((status, attention))

    async def end(reports: object) -> None:
        runs.reports_ended += 1

    monkeypatch.setattr(SagaRun, "run", run)
    monkeypatch.setattr(ProgressReports, "end", end)
    monkeypatch.setattr(SagaRun, "keep", keep)
    monkeypatch.setattr(ProgressReports, "after_end", after_end)
    monkeypatch.setattr(workflow, "now", lambda: NOW)
    monkeypatch.setattr(workflow, "set_current_details", lambda details: None)
    monkeypatch.setattr(
        workflow, "info", lambda: SimpleNamespace(typed_search_attributes=TypedSearchAttributes([]), raw_memo={})
    )
    return runs


@pytest.fixture
def order() -> OrderInput:
    return order_of()


async def test_what_was_cut_off_is_unwound_for_the_reason_that_is_given(order: OrderInput, runs: Runs) -> None:
    runs.outcome = UNDONE
    recovery = Recovery(order=order, cause=Attention.CUT_OFF, because="it was terminated")

    result = await OrderRecoveryWorkflow(recovery).run(recovery)

    assert runs.asked == [{"unwind_because": "it was terminated"}]
    assert (result.order_id, result.status, result.error) == ("A-1", OrderStatus.FAILED, "cut off")
    assert result.decisions == []


@pytest.mark.parametrize("error", [None, StoryError("a bug")])
async def test_nothing_is_reported_to_the_register_after_the_saga(
    order: OrderInput, runs: Runs, error: Exception | None
) -> None:
    runs.error = error
    recovery = Recovery(order=order, cause=Attention.CUT_OFF, because="it was terminated")

    with pytest.raises(StoryError) if error else nullcontext():
        await OrderRecoveryWorkflow(recovery).run(recovery)

    assert runs.reports_ended == 1


@pytest.mark.parametrize(
    ("choice", "asked"), [("retry", [{"committed": True}]), ("write_off", []), ("done_by_hand", [])]
)
async def test_an_email_that_was_not_sent_is_sent_again_only_if_a_person_decides_and_the_order_stands(
    order: OrderInput,
    runs: Runs,
    choice: DecisionChoice,
    asked: list[dict[str, Any]],
) -> None:
    decision = OrderDecision(choice=choice, by="Ada", note="told her")
    recovery = Recovery(order=order, cause=Attention.MAIL_NOT_SENT, because="", decision=decision)

    result = await OrderRecoveryWorkflow(recovery).run(recovery)

    assert runs.asked == asked
    assert runs.kept == [(choice, False)]
    assert runs.received == [(OrderStatus.COMPLETED, None)]
    assert result.status is OrderStatus.COMPLETED
    assert result.decisions == [
        DecisionEntry(step="send_confirmation", choice=choice, by="Ada", note="told her", at=NOW)
    ]


class Refunds:
    """The calls of the refund's activity. `error` is how they end."""

    def __init__(self) -> None:
        self.calls: list[tuple[UndoRequest, dict[str, Any]]] = []
        self.error: ActivityError | None = None

    async def call(self, activity: object, undo: UndoRequest, **options: Any) -> None:
        """Record the call."""
        assert activity is PaymentActivities.refund_payment
        self.calls.append((undo, options))
        if self.error is not None:
            raise self.error


@pytest.fixture
def refunds(monkeypatch: pytest.MonkeyPatch) -> Refunds:
    refunds = Refunds()
    monkeypatch.setattr(workflow, "execute_activity_method", refunds.call)
    return refunds


def failed(cause: Exception | None) -> ActivityError:
    """What the SDK raises after an activity's last attempt."""
    numbers: dict[str, Any] = {"scheduled_event_id": 5, "started_event_id": 6}
    names: dict[str, Any] = {"identity": "w", "activity_type": "refund_payment", "activity_id": "1"}
    error = ActivityError("Activity task failed", **numbers, **names, retry_state=RetryState.MAXIMUM_ATTEMPTS_REACHED)
    error.__cause__ = cause
    return error


def refund_failed(order: OrderInput, choice: DecisionChoice, ended: OrderStatus = OrderStatus.CANCELLED) -> Recovery:
    decision = OrderDecision(choice=choice, by="Ada", note="told him")
    return Recovery(order=order, cause=Attention.REFUND_FAILED, because="no more", decision=decision, ended=ended)


@pytest.mark.parametrize("ended", [OrderStatus.CANCELLED, OrderStatus.FAILED])
async def test_a_failed_refund_is_made_again_when_a_person_decides(
    order: OrderInput, runs: Runs, refunds: Refunds, ended: OrderStatus
) -> None:
    recovery = refund_failed(order, "retry", ended)

    result = await OrderRecoveryWorkflow(recovery).run(recovery)

    ((undo, options),) = refunds.calls
    assert undo == UndoRequest("pay-A-1", "no more", order.fingerprint)
    assert options["start_to_close_timeout"] == timedelta(seconds=10)
    assert options["retry_policy"].maximum_attempts == 3
    assert options["summary"] == "refund the customer once more"
    assert runs.kept == [("retry", True)]
    assert runs.received == [(ended, None)]
    assert result.status is ended


@pytest.mark.parametrize(
    ("cause", "text"),
    [(ApplicationError("the bank is closed"), "the bank is closed"), (None, "Activity task failed")],
    ids=["known", "unknown"],
)
async def test_an_order_whose_refund_fails_once_more_stays_on_the_worklist_with_the_reason(
    order: OrderInput, runs: Runs, refunds: Refunds, cause: Exception | None, text: str
) -> None:
    refunds.error = failed(cause)
    recovery = refund_failed(order, "retry")

    await OrderRecoveryWorkflow(recovery).run(recovery)

    ((status, attention),) = runs.received
    assert isinstance(attention, AttentionRecord)
    assert (status, attention.kind, attention.amount_at_risk) == (OrderStatus.CANCELLED, "refund_failed", "44.98")
    assert [(step.step, step.undoing, step.error, step.attempts) for step in attention.steps] == [
        ("charge_payment", True, text, 3)
    ]


@pytest.mark.parametrize("choice", ["done_by_hand", "write_off"])
async def test_a_refund_that_a_person_settles_is_not_made(
    order: OrderInput, runs: Runs, refunds: Refunds, choice: DecisionChoice
) -> None:
    recovery = refund_failed(order, choice)

    result = await OrderRecoveryWorkflow(recovery).run(recovery)

    assert refunds.calls == []
    assert (runs.kept, runs.received) == ([(choice, True)], [(OrderStatus.CANCELLED, None)])
    assert [(each.step, each.choice, each.note) for each in result.decisions] == [
        ("charge_payment", choice, "told him")
    ]


@pytest.mark.parametrize(
    ("ended", "asked"),
    [
        (OrderStatus.COMPLETED, {"committed": True}),
        (OrderStatus.FAILED, {"unwind_because": "restored", "registered": False}),
        (OrderStatus.CANCELLED, {"unwind_because": "restored", "registered": False}),
    ],
)
async def test_after_a_restore_an_order_is_brought_to_how_it_has_ended_and_the_register_not_asked(
    order: OrderInput, runs: Runs, ended: OrderStatus, asked: dict[str, Any]
) -> None:
    recovery = Recovery(order=order, cause=Attention.RESTORED, because="restored", ended=ended)
    await OrderRecoveryWorkflow(recovery).run(recovery)
    assert (runs.asked, runs.kept, runs.received) == ([asked], [], [])


@pytest.mark.parametrize(
    ("natively", "outcome", "closes_as_cancelled"),
    [(True, CANCELLED, True), (False, CANCELLED, False), (True, UNDONE, False), (True, Outcome(Verdict.STANDS), False)],
)
async def test_a_run_closes_as_cancelled_if_temporals_cancellation_has_undone_it(
    order: OrderInput, runs: Runs, natively: bool, outcome: Outcome, closes_as_cancelled: bool
) -> None:
    run = OrderSagaWorkflow(order)
    run.saga.cancelled_natively, runs.outcome = natively, outcome

    if closes_as_cancelled:
        with pytest.raises(CancelledError, match="A-1 is cancelled, and everything is undone"):
            await run.run(order)
    else:
        await run.run(order)
    assert run.projection.result is not None
    assert runs.asked == [{}]
