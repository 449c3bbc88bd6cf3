"""The options of each activity: timeouts, retries, and its summary in the Web UI."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError, TimeoutType
from temporalio.exceptions import TimeoutError as DeadlineError

from ordersaga.domain.worklist import WatcherRound
from ordersaga.orders.workflows.watch import WatcherWorkflow
from ordersaga.saga import (
    ExternalEvent,
    Policy,
    Saga,
    Step,
    StepRecord,
)
from ordersaga.saga.activity_calls import Retries, start_do, start_poll, start_undo
from ordersaga.saga.fast_path import FastPath, FirstAttempt
from ordersaga.saga.first_attempts import AttemptOutcome, Checkpoint, Failure
from tests.unit.engine import activity_error
from tests.unit.parts import do, request, story, undo

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WAIT = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
POLICY = Policy(*(number * SECOND for number in (1, 2, 3, 4, 5, 6)))
ONCE = RetryPolicy(maximum_attempts=1)
SLOWLY = RetryPolicy(initial_interval=4 * SECOND, maximum_interval=timedelta(hours=1))


STEP = Step[str, str]("a", request, do, undo, title="do it", fast_path=True)
SLOW = Step[str, str]("slow", request, do, undo)
SAGA = Saga("s", story, STEP, SLOW)
RECORD = StepRecord("a[2]", "a", STEP.effect_id("S-1", "2"))
PAID = ExternalEvent[str, str]("paid", str, poll=do, request=str.upper, every=7 * SECOND, call_timeout=8 * SECOND)


class FakeTemporal:
    """The activities that Temporal was asked to run, and their scripted answer."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.answer: Any = None

    def start(self, *args: Any, **options: Any) -> Any:
        """Record the call."""
        self.calls.append((args, options))
        return self.answer

    async def execute(self, *args: Any, **options: Any) -> Any:
        """Record the call, and answer or raise."""
        if isinstance(self.start(*args, **options), BaseException):
            raise self.answer
        return self.answer


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> FakeTemporal:
    asked = FakeTemporal()
    monkeypatch.setattr(workflow, "start_activity", asked.start)
    monkeypatch.setattr(workflow, "execute_activity", asked.execute)
    monkeypatch.setattr(workflow, "execute_local_activity", asked.execute)
    monkeypatch.setattr(workflow, "now", lambda: NOW)
    monkeypatch.setattr(workflow, "payload_converter", lambda: DataConverter.default.payload_converter)
    return asked


@pytest.mark.parametrize("retries", Retries)
def test_a_do_is_retried_until_its_deadline_or_forever_or_not_at_all(asked: FakeTemporal, retries: Retries) -> None:
    start_do(STEP, RECORD, "asked", POLICY, deadline=9 * SECOND, retries=retries)

    quick = RetryPolicy(initial_interval=SECOND / 2, maximum_interval=10 * SECOND)
    assert asked.calls == [
        (
            ("do", "asked"),
            {
                "result_type": RawValue,
                "activity_id": "do a-S-1-2",
                "start_to_close_timeout": SECOND,
                "schedule_to_close_timeout": None if retries is not Retries.QUICK else 9 * SECOND,
                "retry_policy": {Retries.QUICK: quick, Retries.SLOW: SLOWLY, Retries.NONE: ONCE}[retries],
                "cancellation_type": WAIT,
                "summary": "do it",
            },
        )
    ]


@pytest.mark.parametrize("retries", Retries)
def test_an_undo_is_retried_until_patience_is_over_or_forever_or_not_at_all(
    asked: FakeTemporal, retries: Retries
) -> None:
    start_undo(undo, ["asked"], RECORD, "do it", POLICY, retries=retries)

    quick = RetryPolicy(initial_interval=SECOND / 2, maximum_interval=15 * SECOND)
    assert asked.calls == [
        (
            ("undo",),
            {
                "result_type": RawValue,
                "args": ["asked"],
                "activity_id": "undo a-S-1-2",
                "start_to_close_timeout": SECOND,
                "schedule_to_close_timeout": None if retries is not Retries.QUICK else 3 * SECOND,
                "retry_policy": {Retries.QUICK: quick, Retries.SLOW: SLOWLY, Retries.NONE: ONCE}[retries],
                "cancellation_type": WAIT,
                "summary": "undo: do it",
            },
        )
    ]


def test_a_poll_is_repeated_at_even_intervals_until_the_deadline(asked: FakeTemporal) -> None:
    start_poll(PAID, "subject", 9 * SECOND)

    ((args, options),) = asked.calls
    assert args == ("do", "SUBJECT")
    retry = options.pop("retry_policy")
    assert (retry.initial_interval, retry.backoff_coefficient, retry.maximum_attempts) == (7 * SECOND, 1.0, 0)
    assert {name: options[name] for name in ("activity_id", "start_to_close_timeout", "summary")} == {
        "activity_id": "poll paid",
        "start_to_close_timeout": 8 * SECOND,
        "summary": "wait for paid",
    }
    assert options["schedule_to_close_timeout"] == 9 * SECOND


async def test_the_watcher_gives_a_round_its_time_and_expects_signs_of_life(asked: FakeTemporal) -> None:
    asked.answer = WatcherRound(at=NOW, recovered=["order-A-1"])

    assert await WatcherWorkflow().run() == asked.answer
    assert WatcherWorkflow().is_answered()
    assert asked.calls == [
        (
            ("watch_orders",),
            {
                "result_type": WatcherRound,
                "start_to_close_timeout": timedelta(minutes=10),
                "heartbeat_timeout": timedelta(seconds=30),
                "retry_policy": RetryPolicy(maximum_attempts=3),
                "summary": "look for orders that have come to a halt",
            },
        )
    ]


# -- the fast path


CHECKPOINT = Checkpoint("S-1", 2.0)


@pytest.fixture
def fast_path() -> FastPath[str]:
    return FastPath(SAGA, "subject", 2 * SECOND)


def test_the_fast_path_takes_what_declares_it_unless_it_is_turned_off(fast_path: FastPath[str]) -> None:
    assert (fast_path.takes(STEP), fast_path.takes(SLOW)) == (True, False)
    assert not FastPath(SAGA, "subject", timedelta(0)).takes(STEP)


async def test_first_attempts_are_made_once_in_one_local_activity(
    asked: FakeTemporal, fast_path: FastPath[str]
) -> None:
    asked.answer = []
    await fast_path.attempt(STEP, "a", CHECKPOINT)

    assert asked.calls == [
        (
            ("s_first_attempts",),
            {
                "args": ["subject", CHECKPOINT],
                "result_type": list[AttemptOutcome],
                "start_to_close_timeout": 5 * SECOND,
                "schedule_to_close_timeout": 5 * SECOND,
                "retry_policy": RetryPolicy(maximum_attempts=1),
                "summary": "first attempts, from a on",
            },
        )
    ]


async def test_attempts_that_were_made_together_are_used_one_by_one(
    asked: FakeTemporal, fast_path: FastPath[str]
) -> None:
    no = Failure("sold out", "SoldOut", True)
    asked.answer = [AttemptOutcome("a", 1, 2, "17"), AttemptOutcome("b", 3, 4, failure=no)]

    assert fast_path.began("b") is None
    assert await fast_path.attempt(STEP, "a", CHECKPOINT) == FirstAttempt("17", NOW + SECOND, NOW + 2 * SECOND)
    assert (fast_path.began("a"), fast_path.began("b")) == (None, NOW + 3 * SECOND)
    assert await fast_path.attempt(STEP, "b", CHECKPOINT) == FirstAttempt(None, NOW + 3 * SECOND, NOW + 4 * SECOND, no)
    assert len(asked.calls) == 1
    await fast_path.attempt(STEP, "b", CHECKPOINT)
    assert len(asked.calls) == 2, "an attempt is used once"


async def test_a_step_that_the_story_did_not_come_to_has_failed_and_the_others_have_not(
    asked: FakeTemporal, fast_path: FastPath[str]
) -> None:
    asked.answer = [AttemptOutcome("b", 3, 4, "17")]

    made = await fast_path.attempt(STEP, "a", CHECKPOINT)
    assert made == FirstAttempt(None, NOW, NOW, Failure("the story did not come to it"))
    assert (await fast_path.attempt(STEP, "b", CHECKPOINT)).answer == "17"
    assert len(asked.calls) == 1


@pytest.mark.parametrize(
    "error",
    [
        activity_error(ApplicationError("broken")),
        ApplicationError("broken"),
        DeadlineError("broken", type=TimeoutType.START_TO_CLOSE, last_heartbeat_details=[]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_if_the_activity_itself_fails_its_first_step_has_failed(
    asked: FakeTemporal, fast_path: FastPath[str], error: BaseException
) -> None:
    asked.answer = error

    made = await fast_path.attempt(STEP, "a", CHECKPOINT)
    assert made == FirstAttempt(None, NOW, NOW, Failure("broken"))


async def test_steps_side_by_side_wait_for_the_same_activity(
    asked: FakeTemporal, fast_path: FastPath[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*args: Any, **options: Any) -> Any:
        await asyncio.sleep(0)
        return asked.start(*args, **options)

    monkeypatch.setattr(workflow, "execute_local_activity", slow)
    asked.answer = [AttemptOutcome("a", 1, 2, "17"), AttemptOutcome("b", 1, 2, "18")]
    both = await asyncio.gather(*(fast_path.attempt(STEP, name, CHECKPOINT) for name in "ab"))
    assert [each.answer for each in both] == ["17", "18"]
    assert len(asked.calls) == 1
