"""Waiting for an activity's answer: when it is ended early, and an answer that arrives at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from temporalio import activity, workflow
from temporalio.common import RawValue
from temporalio.converter import DataConverter

from ordersaga.saga import ExternalEvent, Policy, Step, StepRecord, UndoOutcome, UndoRequest, UndoResult
from ordersaga.saga.activity_calls import Call, Retries, Unreadable, answer_of, start_do, start_poll, start_undo
from ordersaga.saga.exits import Interrupted
from tests.unit.engine import raw

LONG = timedelta(seconds=300)


@pytest.fixture(autouse=True)
def in_a_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conditions are checked whenever something has happened."""

    async def wait_condition(condition: Callable[[], bool], **options: Any) -> None:
        while not condition():
            await asyncio.sleep(0)

    monkeypatch.setattr(workflow, "wait_condition", wait_condition)
    monkeypatch.setattr(workflow, "now", lambda: datetime(2026, 1, 1, tzinfo=UTC))


class Attempt:
    """An activity that answers on request, and records how it was ended."""

    def __init__(self, *, heeds_cancel: bool = True) -> None:
        self.heeds_cancel = heeds_cancel
        self.begun = self.cancelled = False
        self.release = asyncio.Event()
        handle: Any = asyncio.create_task(self._run())
        self.handle, self.call = handle, Call(cast("Any", handle), lambda answer: answer)

    async def _run(self) -> str:
        self.begun = True
        while True:
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                if self.heeds_cancel:
                    raise
            else:
                return "17"


async def test_an_answer_is_waited_for() -> None:
    call = Attempt()
    waiting = asyncio.create_task(answer_of(call.call, lambda: False))
    while not call.begun:
        await asyncio.sleep(0)
    assert not waiting.done()
    call.release.set()

    assert await waiting == "17"
    assert not call.cancelled


async def test_an_answer_that_has_arrived_counts_even_if_the_wait_was_stopped() -> None:
    call = Attempt()
    call.release.set()
    await call.handle

    assert await answer_of(call.call, lambda: True) == "17"


async def test_what_is_ended_has_begun_or_its_activity_would_be_started_and_forgotten() -> None:
    call = Attempt()

    async with asyncio.timeout(0.5):
        with pytest.raises(Interrupted, match="it was ended early"):
            await answer_of(call.call, lambda: True)
    assert (call.begun, call.cancelled) == (True, True)


async def test_the_attempt_of_what_is_ended_is_seen_to_its_end_and_its_answer_counts() -> None:
    call = Attempt(heeds_cancel=False)
    waiting = asyncio.create_task(answer_of(call.call, lambda: True))
    while not call.cancelled:
        await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    call.release.set()

    assert await waiting == "17"


async def test_a_cancellation_of_the_waiting_task_is_passed_on() -> None:
    call = Attempt()
    stopped: list[bool] = []
    waiting = asyncio.create_task(answer_of(call.call, lambda: bool(stopped)))
    while not call.begun:
        await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    late = Attempt(heeds_cancel=False)
    waiting = asyncio.create_task(answer_of(late.call, lambda: True))
    while not late.cancelled:
        await asyncio.sleep(0)
    late.heeds_cancel = True
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    call.handle.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call.handle


# -- how answers are read


@activity.defn
async def do(request: str) -> int:
    return 17


@activity.defn
async def undo(request: UndoRequest) -> UndoResult:
    return UndoResult(UndoOutcome.UNDONE)


@activity.defn
async def compensate(request: str) -> str:
    return "whatever"


@activity.defn
async def untyped(request):  # type: ignore[no-untyped-def]
    pass


STEP = Step("a", lambda subject, effect_id: effect_id, do, undo)
RECORD = StepRecord("a", "a", STEP.effect_id("1"))
PAID = ExternalEvent[str, str]("paid", str, poll=compensate)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The answers of the started activities."""
    answers: list[Any] = []

    async def answer() -> RawValue:
        return raw(answers.pop(0))

    monkeypatch.setattr(workflow, "start_activity", lambda *args, **options: asyncio.create_task(answer()))
    monkeypatch.setattr(workflow, "payload_converter", lambda: DataConverter.default.payload_converter)
    return answers


async def test_a_do_and_a_poll_answer_as_they_declare(answers: list[Any]) -> None:
    answers += [17, "18"]
    assert (
        await answer_of(start_do(STEP, RECORD, "asked", Policy(), deadline=LONG, retries=Retries.QUICK), lambda: False)
        == 17
    )
    assert await answer_of(start_poll(PAID, "subject", LONG), lambda: False) == "18"


async def test_another_answer_than_they_declare_is_unreadable(answers: list[Any]) -> None:
    answers += [{"some": "object"}, {"some": "object"}]
    with pytest.raises(Unreadable, match="by something that is no int"):
        await answer_of(start_do(STEP, RECORD, "asked", Policy(), deadline=LONG, retries=Retries.QUICK), lambda: False)
    with pytest.raises(Unreadable, match="by something that is no str"):
        await answer_of(start_poll(PAID, "subject", LONG), lambda: False)


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ({"outcome": "too_late", "attempts": 3}, UndoResult(UndoOutcome.TOO_LATE, 3)),
        ("transfer 17", UndoResult(UndoOutcome.UNDONE, detail="completed by hand: transfer 17")),
        ("", UndoResult(UndoOutcome.UNDONE, detail="completed by hand")),
        (None, UndoResult(UndoOutcome.UNDONE, detail="completed by hand")),
    ],
)
async def test_an_undo_may_be_completed_by_hand(answers: list[Any], answer: Any, result: UndoResult) -> None:
    answers.append(answer)
    call = start_undo(undo, ["asked"], RECORD, "do it", Policy(), retries=Retries.QUICK)
    assert await answer_of(call, lambda: False) == result


async def test_an_undo_with_an_unknown_outcome_is_unreadable(answers: list[Any]) -> None:
    answers.append({"outcome": "perhaps"})
    with pytest.raises(Unreadable, match="no UndoResult"):
        await answer_of(start_undo(undo, ["asked"], RECORD, "do it", Policy(), retries=Retries.QUICK), lambda: False)


@pytest.mark.parametrize("compensation", [compensate, untyped])
async def test_what_a_compensation_answers_does_not_matter(
    answers: list[Any], compensation: Callable[..., Any]
) -> None:
    answers.append({"outcome": "perhaps"})
    call = start_undo(compensation, ["asked"], RECORD, "do it", Policy(), retries=Retries.QUICK)
    assert await answer_of(call, lambda: False) == UndoResult(UndoOutcome.UNDONE)
