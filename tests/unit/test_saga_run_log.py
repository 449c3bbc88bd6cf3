"""The record of a step: how each event changes it, and which event is emitted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import workflow

from ordersaga.saga import (
    Choice,
    Decided,
    Decision,
    EffectId,
    SagaEvent,
    StepBegun,
    StepDone,
    StepFailed,
    StepParked,
    StepRecord,
    StepRefused,
    StepResolved,
    StepState,
    UndoAnswered,
    UndoBegun,
    UndoOutcome,
)
from ordersaga.saga.decisions import UNDO_OF_PIVOT
from ordersaga.saga.run_log import RunLog

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)
RETRY = Decision("a", Choice.RETRY, "Ada")


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "now", lambda: NOW)


@pytest.fixture
def record() -> StepRecord:
    return StepRecord("a", "a", EffectId("a", "1"), since=EARLIER, next_try=NOW, last_error="before")


@pytest.fixture
def received() -> list[SagaEvent]:
    return []


@pytest.fixture
def log(record: StepRecord, received: list[SagaEvent]) -> RunLog:
    return RunLog([record], received.append, "ship")


Happening = Callable[[RunLog, StepRecord], None]


@pytest.mark.parametrize(
    ("happening", "state", "kind", "fields"),
    [
        (lambda log, record: log.done(record, None), "done", StepDone, {"attempts": 0}),
        (
            lambda log, record: log.refused(record, "SoldOut", "none left"),
            "refused",
            StepRefused,
            {"refusal": "SoldOut", "message": "none left"},
        ),
        (
            lambda log, record: log.failed(record, StepState.GAVE_UP, "broken"),
            "gave_up",
            StepFailed,
            {"message": "broken"},
        ),
        (lambda log, record: log.undo_begun(record, "no more"), "undoing", UndoBegun, {"reason": "no more"}),
        (
            lambda log, record: log.parked(record, "broken"),
            "parked",
            StepParked,
            {"undoing": False, "message": "broken"},
        ),
        (
            lambda log, record: log.resolved(record, Decided(RETRY, NOW), StepState.PARKED),
            "parked",
            StepResolved,
            {"undoing": False, "decision": RETRY},
        ),
    ],
)
def test_what_happens_to_a_step_is_an_event_and_changes_its_state(
    log: RunLog,
    record: StepRecord,
    received: list[SagaEvent],
    happening: Happening,
    state: str,
    kind: type[SagaEvent],
    fields: dict[str, Any],
) -> None:
    happening(log, record)

    assert (record.state, record.since, record.next_try) == (state, NOW, None)
    change = {"step": "a", "state": StepState(state), "was": StepState.PENDING, "since": EARLIER}
    assert received == log.events == [kind(at=NOW, **change, **fields)]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (UndoOutcome.UNDONE, StepState.UNDONE),
        (UndoOutcome.NOTHING_TO_UNDO, StepState.NOTHING_TO_UNDO),
        (UndoOutcome.REQUESTED, StepState.UNDO_REQUESTED),
        (UndoOutcome.TOO_LATE, StepState.TOO_LATE),
    ],
)
@pytest.mark.parametrize(("detail", "shown"), [("refund 17", "refund 17"), ("", None)])
def test_an_undos_answer_is_its_state(
    log: RunLog, record: StepRecord, outcome: UndoOutcome, state: StepState, detail: str, shown: str | None
) -> None:
    record.undo_attempts = 2
    log.undo_answered(record, outcome, 3, detail)

    assert (record.state, record.undo_attempts) == (state, 5)
    (event,) = log.events
    assert isinstance(event, UndoAnswered)
    assert (event.outcome, event.attempts, event.detail) == (outcome, 3, shown or str(outcome))
    assert log.decisions.is_open("a") is (outcome is UndoOutcome.REQUESTED)


def test_an_undo_that_is_still_only_requested_emits_no_event(log: RunLog, record: StepRecord) -> None:
    log.undo_answered(record, UndoOutcome.REQUESTED, 1, "")
    log.decisions.add(RETRY)
    log.undo_answered(record, UndoOutcome.REQUESTED, 1, "")

    assert len(log.events) == 1
    assert record.undo_attempts == 2
    assert log.decisions.has("a"), "the decision still waits to be carried out"
    log.undo_answered(record, UndoOutcome.UNDONE, 1, "")
    assert log.decisions.overtaken("a") == "a is undone"


def test_what_was_decided_on_a_parked_undo_does_not_count_once_it_was_requested(
    log: RunLog, record: StepRecord
) -> None:
    log.parked(record, "broken")
    log.decisions.add(RETRY)
    log.undo_answered(record, UndoOutcome.REQUESTED, 1, "")

    assert log.decisions.overtaken("a") == "the undo of a was requested"
    assert not log.decisions.has("a")
    assert log.decisions.waiting == ["a"]


def test_a_step_that_stays_parked_emits_no_event(log: RunLog, record: StepRecord) -> None:
    log.parked(record, "broken", UNDO_OF_PIVOT)
    log.parked(record, "still broken")

    assert len(log.events) == 1
    assert record.last_error == "still broken"
    assert Choice.GO_FORWARD in log.decisions.choices("a")


def test_only_what_may_go_forward_may(log: RunLog, record: StepRecord) -> None:
    log.parked(record, "broken")
    assert Choice.GO_FORWARD not in log.decisions.choices("a")


def test_a_step_keeps_the_place_at_which_it_was_first_begun(log: RunLog, record: StepRecord) -> None:
    log.undo_begun(record, "no more")
    assert record.undoing
    log.begin(record, 1, None)
    assert (record.begun, record.undoing, record.state, record.since) == (1, False, StepState.RUNNING, NOW)
    log.begin(record, 4, EARLIER)

    assert record.begun == 1
    assert [type(each) for each in log.events] == [UndoBegun, StepBegun, StepBegun]
    assert record.since == NOW, "it is in its state since it came into it"


def test_no_event_is_earlier_than_the_one_before(log: RunLog, record: StepRecord, received: list[SagaEvent]) -> None:
    log.begin(record, 1, EARLIER)
    log.done(record, NOW)
    log.begin(record, 1, EARLIER)

    assert [each.at for each in received] == [each.at for each in log.events] == [EARLIER, NOW, NOW]
    assert record.since == NOW, "a step comes into its state with the event that says so"


def test_a_step_may_have_ended_before_it_is_known(log: RunLog, record: StepRecord) -> None:
    log.done(record, EARLIER)

    assert record.since == log.events[0].at == EARLIER


def test_the_last_error_is_kept_where_what_failed_was_no_error(log: RunLog, record: StepRecord) -> None:
    log.failed(record, StepState.UNKNOWN, "cancelled: no more", is_error=False)
    assert record.last_error == "before"
    log.failed(record, StepState.UNKNOWN, "broken")
    assert record.last_error == "broken"
    log.refused(record, "SoldOut", "none left")
    assert record.last_error == "none left"


def test_a_decision_that_was_carried_out_is_kept_and_one_that_was_overtaken_is_not(
    log: RunLog, record: StepRecord
) -> None:
    log.parked(record, "broken")
    log.decisions.add(RETRY)
    log.resolved(record, Decided(log.decisions.take("a"), NOW), StepState.PARKED)
    assert log.decided == [Decided(RETRY, NOW)]
    assert log.decisions.waiting == ["a"], "it is parked still"

    log.decisions.add(RETRY)
    log.done(record, None)
    assert log.decided == [Decided(RETRY, NOW)]
    assert log.decisions.waiting == []
    assert log.decisions.overtaken("a") == "a is done"


def test_the_pivot_is_named_where_a_decision_may_not_lead_forward(log: RunLog, record: StepRecord) -> None:
    log.parked(record, "broken")
    with pytest.raises(ValueError, match="Only the undo of ship"):
        log.decisions.check(Decision("a", Choice.GO_FORWARD, "Ada"))
