"""One undo to its end, attempt by attempt, with a simulated clock."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from ordersaga.saga import (
    Choice,
    Decision,
    EffectId,
    Policy,
    StepRecord,
    StepState,
    UndoOutcome,
    UndoResult,
)
from ordersaga.saga.activity_calls import Retries, Unreadable
from ordersaga.saga.run_log import RunLog
from ordersaga.saga.undoing import Undoer, carry_out, wait_until_over_or
from tests.unit.engine import Service, Time, failed

SECOND = timedelta(seconds=1)
QUICK, SLOW = Retries.QUICK, Retries.SLOW
POLICY = Policy(parked_interval=SECOND, requested_interval=10 * SECOND)
UNDONE = UndoResult(UndoOutcome.UNDONE)
REQUESTED, TOO_LATE = UndoResult(UndoOutcome.REQUESTED), UndoResult(UndoOutcome.TOO_LATE)


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


@pytest.fixture
def record() -> StepRecord:
    return StepRecord("a", "a", EffectId("a", "1"))


@pytest.fixture
def log(record: StepRecord) -> RunLog:
    return RunLog([record], lambda event: None)


async def undo(log: RunLog, service: Service, *, may_stand: bool = False) -> UndoOutcome:
    return await Undoer(log, POLICY).undo(log.records["a"], service.start, "no more", lambda: may_stand)


async def test_an_undo_that_answers_is_over(log: RunLog, record: StepRecord) -> None:
    service = Service(UndoResult(UndoOutcome.UNDONE, 3, "refund 17"))

    assert await undo(log, service) is UndoOutcome.UNDONE
    assert (record.state, record.undo_attempts, service.retries) == (StepState.UNDONE, 3, [QUICK])
    assert [type(each).__name__ for each in log.events] == ["UndoBegun", "UndoAnswered"]


async def test_by_default_an_undo_may_not_come_too_late(log: RunLog, record: StepRecord) -> None:
    service = Service(TOO_LATE, UNDONE)

    assert await Undoer(log, POLICY).undo(record, service.start, "no more") is UndoOutcome.UNDONE
    assert service.retries == [QUICK, SLOW]


async def test_what_fails_is_parked_and_tried_again_after_growing_pauses(
    log: RunLog, record: StepRecord, time: Time
) -> None:
    service = Service(failed("broken", 4), failed("broken"), failed("still broken"), UNDONE)

    assert await undo(log, service) is UndoOutcome.UNDONE
    assert time.waits == [SECOND, 2 * SECOND, 4 * SECOND]
    assert service.retries == [QUICK, SLOW, SLOW, SLOW]
    assert record.undo_attempts == 4 + 1 + 1 + 1
    assert [type(each).__name__ for each in log.events] == ["UndoBegun", "StepParked", "UndoAnswered"]


async def test_what_was_requested_is_asked_again_after_growing_pauses_of_its_own(
    log: RunLog, record: StepRecord, time: Time
) -> None:
    service = Service(REQUESTED, REQUESTED, failed("broken"), UNDONE)

    assert await undo(log, service) is UndoOutcome.UNDONE
    assert time.waits == [10 * SECOND, 20 * SECOND, SECOND]
    assert service.retries == [QUICK, QUICK, QUICK, SLOW]


async def test_a_retried_undo_has_its_next_time(log: RunLog, record: StepRecord, time: Time) -> None:
    undoing = asyncio.create_task(undo(log, Service(failed("broken"), UNDONE)))
    while record.state is not StepState.PARKED or record.next_try is None:
        await asyncio.sleep(0)
    assert record.next_try == time.now + SECOND
    await undoing


@pytest.mark.parametrize("may_stand", [False, True])
async def test_only_the_pivots_undo_is_believed_to_be_too_late(
    log: RunLog, record: StepRecord, may_stand: bool
) -> None:
    outcome = await undo(log, Service(TOO_LATE, UNDONE), may_stand=may_stand)

    assert outcome is (UndoOutcome.TOO_LATE if may_stand else UndoOutcome.UNDONE)
    parked = [each for each in log.events if type(each).__name__ == "StepParked"]
    assert len(parked) == (0 if may_stand else 1)
    if not may_stand:
        assert "the undo came too late, and the saga cannot go forward any more" in str(parked)


@pytest.mark.parametrize(
    ("choice", "outcome", "state"),
    [
        (Choice.DONE_BY_HAND, UndoOutcome.UNDONE, StepState.DONE_BY_HAND),
        (Choice.WRITE_OFF, UndoOutcome.UNDONE, StepState.WRITTEN_OFF),
        (Choice.GO_FORWARD, UndoOutcome.TOO_LATE, StepState.TOO_LATE),
    ],
)
@pytest.mark.parametrize("under_way", [False, True], ids=["in a pause", "in an attempt"])
async def test_a_decision_ends_an_undo_at_once(
    log: RunLog, record: StepRecord, time: Time, choice: Choice, outcome: UndoOutcome, state: StepState, under_way: bool
) -> None:
    service = Service(failed("broken"), None)
    undoing = asyncio.create_task(undo(log, service, may_stand=True))
    while len(service.retries) < 1 + under_way or not log.decisions.is_open("a"):
        await asyncio.sleep(0)
    log.decisions.add(Decision("a", choice, "Ada", "17"))

    assert await undoing is outcome
    assert record.state is state
    assert [each.decision.choice for each in log.decided] == [choice]
    assert service.ended == under_way


async def test_a_decision_to_try_again_is_carried_out_at_once_and_leaves_it_parked(
    log: RunLog, record: StepRecord, time: Time
) -> None:
    service = Service(failed("broken"), None, UNDONE)
    undoing = asyncio.create_task(undo(log, service))
    while len(service.retries) < 2:
        await asyncio.sleep(0)
    log.decisions.add(Decision("a", Choice.RETRY, "Ada"))

    assert await undoing is UndoOutcome.UNDONE
    assert service.retries == [QUICK, SLOW, Retries.NONE]
    assert time.waits == [SECOND]
    resolved = next(each for each in log.events if type(each).__name__ == "StepResolved")
    assert "state=<StepState.PARKED" in repr(resolved)


async def test_a_failure_that_coincides_with_a_decision_emits_no_event(log: RunLog, record: StepRecord) -> None:
    service = Service(failed("broken"), failed("too late to matter"))
    undoing = asyncio.create_task(undo(log, service))
    while not log.decisions.is_open("a"):
        await asyncio.sleep(0)
    log.decisions.add(Decision("a", Choice.WRITE_OFF, "Ada", "17"))

    assert await undoing is UndoOutcome.UNDONE
    assert record.last_error == "broken"


# -- for callers that wait


async def test_an_undo_is_waited_for_until_it_is_over_or_in_one_of_the_states(record: StepRecord) -> None:
    goes_on = asyncio.Event()

    async def undoing() -> None:
        await goes_on.wait()

    task = asyncio.create_task(undoing())
    waiting = asyncio.create_task(wait_until_over_or(task, record, [StepState.PARKED, StepState.UNDO_REQUESTED]))
    await asyncio.sleep(0)
    assert not waiting.done()
    record.state = StepState.UNDO_REQUESTED
    await waiting
    record.state = StepState.UNDOING
    waiting = asyncio.create_task(wait_until_over_or(task, record, [StepState.PARKED]))
    await asyncio.sleep(0)
    assert not waiting.done()
    goes_on.set()
    await waiting


@pytest.mark.parametrize("choice", [Choice.RETRY, Choice.WRITE_OFF])
async def test_a_decision_returns_when_it_has_been_carried_out(log: RunLog, choice: Choice) -> None:
    decisions, decision = log.decisions, Decision("a", choice, "Ada", "a reason")
    decisions.open("a")
    deciding = asyncio.create_task(carry_out(decisions, decision))
    await asyncio.sleep(0)
    assert not deciding.done()
    assert decisions.take("a") == decision
    await asyncio.sleep(0)
    assert decisions.is_retrying("a") is (choice is Choice.RETRY)
    decisions.retried("a")
    await deciding


async def test_an_overtaken_decision_fails_with_the_reason(log: RunLog) -> None:
    log.decisions.open("a")
    deciding = asyncio.create_task(carry_out(log.decisions, Decision("a", Choice.RETRY, "Ada")))
    await asyncio.sleep(0)
    log.decisions.close("a", "a is undone")

    with pytest.raises(ApplicationError, match="The decision came too late: a is undone") as late:
        await deciding
    assert (late.value.type, late.value.non_retryable) == ("DecisionRefused", True)


@pytest.mark.parametrize("may_stand", [False, True])
async def test_an_unreadable_answer_parks_the_undo_and_the_pivots_may_go_forward(
    log: RunLog, record: StepRecord, may_stand: bool
) -> None:
    asking = asyncio.create_task(undo(log, Service(Unreadable("no UndoResult"), None), may_stand=may_stand))
    while record.state is not StepState.PARKED:
        await asyncio.sleep(0)

    assert (Choice.GO_FORWARD in log.decisions.choices("a")) is may_stand
    assert record.last_error == "no UndoResult"
    asking.cancel()


@pytest.mark.parametrize("helps", [False, True])
async def test_a_retry_decision_returns_when_the_attempt_has_ended(
    log: RunLog, record: StepRecord, time: Time, helps: bool
) -> None:
    last: list[object] = [UNDONE] if helps else [failed("still broken"), None]
    service = Service(failed("broken"), None, None, *last)
    undoing = asyncio.create_task(undo(log, service))
    while len(service.retries) < 2:
        await asyncio.sleep(0)
    answer = asyncio.create_task(carry_out(log.decisions, Decision("a", Choice.RETRY, "Ada")))
    while len(service.retries) < 3:
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert log.decisions.is_retrying("a")
    assert not answer.done(), "the attempt is under way"
    log.decisions.add(Decision("a", Choice.RETRY, "Bob"))
    await answer
    while not undoing.done() and record.last_error != "still broken":
        await asyncio.sleep(0)
    assert (record.state is StepState.UNDONE) is helps
    assert not log.decisions.is_retrying("a")
    assert service.retries[2:4] == [Retries.NONE, Retries.NONE]
    undoing.cancel()


async def test_what_was_requested_is_asked_again_once_by_a_decision(log: RunLog, record: StepRecord) -> None:
    service = Service(REQUESTED, None, UNDONE)
    undoing = asyncio.create_task(undo(log, service))
    while len(service.retries) < 2:
        await asyncio.sleep(0)
    await carry_out(log.decisions, Decision("a", Choice.RETRY, "Ada"))
    assert await undoing is UndoOutcome.UNDONE
    assert service.retries == [QUICK, QUICK, Retries.NONE]
