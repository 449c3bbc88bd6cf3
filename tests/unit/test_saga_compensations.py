"""Compensations before they run: their names, and the request for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.common import RawValue
from temporalio.converter import DataConverter

from ordersaga.saga import Compensations, Policy, StepState, UndoOutcome, UndoRequest, UndoResult
from ordersaga.saga.activity_calls import Retries
from tests.unit.engine import raw


@activity.defn
async def refund(undo: UndoRequest, currency: str = "") -> UndoResult:
    return UndoResult(UndoOutcome.UNDONE)


def test_a_compensation_is_named_after_its_activity_with_a_number_or_as_given() -> None:
    compensations = Compensations()
    compensations.add_compensation(refund, UndoRequest("pay-1"))
    compensations.add_compensation(refund, UndoRequest("pay-2"), name="the second")
    compensations.add_compensation(refund, UndoRequest("pay-3"))

    assert list(compensations.records) == ["refund[1]", "the second", "refund[3]"]
    assert [record.id for record in compensations.records.values()] == ["refund-1", "refund-2", "refund-3"]
    assert {record.state for record in compensations.records.values()} == {StepState.PENDING}
    assert compensations.decisions.waiting == []


def test_two_of_one_name_are_refused() -> None:
    compensations = Compensations()
    compensations.add_compensation(refund, UndoRequest("pay-1"), name="refund")
    with pytest.raises(ValueError, match="there is a compensation refund already"):
        compensations.add_compensation(refund, UndoRequest("pay-2"), name="refund")
    assert len(compensations.records) == 1


@pytest.mark.parametrize("policy", [None, Policy(undo_patience=timedelta(seconds=7))])
@pytest.mark.parametrize("retries", [Retries.QUICK, Retries.SLOW])
def test_each_is_asked_with_its_own_arguments(
    monkeypatch: pytest.MonkeyPatch, policy: Policy | None, retries: Retries
) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(workflow, "start_activity", lambda undo, **options: asked.append((undo, options)))
    compensations = Compensations(policy)
    compensations.add_compensation(refund, UndoRequest("pay-1"), "USD")
    compensations.add_compensation(refund, UndoRequest("pay-2"), "JPY", name="the second")

    for start in compensations._starts.values():
        start(retries)

    assert [(undo, options["args"], options["activity_id"], options["summary"]) for undo, options in asked] == [
        ("refund", (UndoRequest("pay-1"), "USD"), "undo refund-1", "undo: refund[1]"),
        ("refund", (UndoRequest("pay-2"), "JPY"), "undo refund-2", "undo: the second"),
    ]
    patience = (policy or Policy()).undo_patience
    assert {options["schedule_to_close_timeout"] for _, options in asked} == {
        patience if retries is Retries.QUICK else None
    }


@pytest.mark.parametrize("reason", [None, "closing time"], ids=["evicted", "cancelled"])
async def test_an_eviction_ends_it_at_once_and_a_native_cancel_once_all_is_undone(
    monkeypatch: pytest.MonkeyPatch, reason: str | None
) -> None:
    interrupted: list[bool] = []

    async def wait_condition(condition: Callable[[], bool], **options: Any) -> None:
        if not interrupted:
            interrupted.append(True)
            raise asyncio.CancelledError("from outside")
        while not condition():
            await asyncio.sleep(0)

    async def answer(*args: Any, **options: Any) -> RawValue:
        return raw({"outcome": "undone"})

    monkeypatch.setattr(workflow, "now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    monkeypatch.setattr(workflow, "wait_condition", wait_condition)
    monkeypatch.setattr(workflow, "cancellation_reason", lambda: reason)
    monkeypatch.setattr(workflow, "start_activity", lambda *args, **options: asyncio.create_task(answer()))
    monkeypatch.setattr(workflow, "payload_converter", lambda: DataConverter.default.payload_converter)
    compensations = Compensations()
    compensations.add_compensation(refund, UndoRequest("pay-1"))

    with pytest.raises(asyncio.CancelledError, match="from outside"):
        await compensations.compensate()
    states = [record.state for record in compensations.records.values()]
    assert states == [StepState.PENDING if reason is None else StepState.UNDONE]


async def test_a_bug_while_it_compensates_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait_condition(condition: Callable[[], bool], **options: Any) -> None:
        while not condition():
            await asyncio.sleep(0)

    def broken(*args: Any, **options: Any) -> None:
        raise LookupError("a bug")

    monkeypatch.setattr(workflow, "now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    monkeypatch.setattr(workflow, "wait_condition", wait_condition)
    monkeypatch.setattr(workflow, "start_activity", broken)
    compensations = Compensations()
    compensations.add_compensation(refund, UndoRequest("pay-1"))

    with pytest.raises(LookupError, match="a bug"):
        await compensations.compensate()
