"""What a recovery run does, by its cause and the person's decision."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio import workflow
from temporalio.common import TypedSearchAttributes
from temporalio.exceptions import CancelledError

from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import DecisionEntry, OrderStatus
from ordersaga.domain.worklist import Attention, DecisionChoice, OrderDecision, Recovery
from ordersaga.orders.workflows.order import OrderSagaWorkflow
from ordersaga.orders.workflows.progress import ProgressReports
from ordersaga.orders.workflows.recovery import OrderRecoveryWorkflow
from ordersaga.saga import Decision, Outcome, SagaRun, Verdict
from tests.unit.orders import order_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UNDONE, CANCELLED = Outcome(Verdict.UNDONE, error="cut off"), Outcome(Verdict.UNDONE, cancelled=True)


class Runs:
    """The runs of sagas, and their scripted ends."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.kept: list[str] = []
        self.received: list[tuple[OrderStatus, object]] = []
        self.outcome = Outcome(Verdict.STANDS)

    async def run(self, **how: Any) -> Outcome:
        """Record the run."""
        usual = {"unwind_because": None, "committed": False, "registered": True}
        self.asked.append({name: value for name, value in how.items() if value != usual[name]})
        return self.outcome


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    runs = Runs()

    async def run(saga: object, **how: Any) -> Outcome:
        return await runs.run(**how)

    async def keep(saga: object, decision: Decision) -> None:
        runs.kept.append(decision.choice)

    async def after_end(reports: object, status: OrderStatus, attention: object) -> None:
        runs.received.append((status, attention))

    monkeypatch.setattr(SagaRun, "run", run)
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
    assert runs.kept == [choice]
    assert runs.received == [(OrderStatus.COMPLETED, None)]
    assert result.status is OrderStatus.COMPLETED
    assert result.decisions == [
        DecisionEntry(step="send_confirmation", choice=choice, by="Ada", note="told her", at=NOW)
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
