"""The engine's waits: what ends them and what does not; and the pauses between attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from temporalio import workflow

from ordersaga.saga.waiting import growing, is_cancelled_itself, wait_until

SECOND = timedelta(seconds=1)


class Clock:
    """A workflow's clock and its `wait_condition`, which ends as scripted."""

    def __init__(self, *ends: BaseException | None) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.ends = list(ends)
        self.waits: list[tuple[timedelta | None, str | None]] = []
        self.when_over: Callable[[], None] = lambda: None

    async def wait(
        self, condition: Callable[[], bool], *, timeout: timedelta | None, timeout_summary: str | None
    ) -> None:
        self.waits.append((timeout, timeout_summary))
        end = self.ends.pop(0)
        self.now += SECOND
        self.when_over()
        if end is not None:
            raise end


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(workflow, "now", lambda: clock.now)
    monkeypatch.setattr(workflow, "wait_condition", clock.wait)
    return clock


async def test_what_is_so_already_is_not_waited_for(clock: Clock) -> None:
    assert await wait_until(lambda: True, timedelta(0))
    assert clock.waits == []


async def test_a_wait_ends_when_its_time_is_over(clock: Clock) -> None:
    clock.ends = [TimeoutError()]
    assert not await wait_until(lambda: False, 3 * SECOND, "hold")
    assert clock.waits == [(3 * SECOND, "hold")]
    assert not await wait_until(lambda: False, timedelta(0))
    assert not await wait_until(lambda: False, -SECOND)
    assert len(clock.waits) == 1, "no time is nothing to wait for"


async def test_what_comes_true_at_the_last_moment_came_in_time(clock: Clock) -> None:
    came: list[bool] = []
    clock.ends, clock.when_over = [TimeoutError()], lambda: came.append(True)

    assert await wait_until(lambda: bool(came), SECOND)


async def test_a_wait_without_an_end_has_no_timer_and_no_summary(clock: Clock) -> None:
    came: list[bool] = []
    clock.ends, clock.when_over = [None], lambda: came.append(True)

    assert await wait_until(lambda: bool(came))
    assert clock.waits == [(None, None)]


async def test_a_cancellation_of_the_run_ends_no_wait_and_gives_it_no_more_time(clock: Clock) -> None:
    clock.ends = [asyncio.CancelledError(), asyncio.CancelledError(), TimeoutError()]

    assert not await wait_until(lambda: False, 5 * SECOND)
    assert [timeout for timeout, _ in clock.waits] == [5 * SECOND, 4 * SECOND, 3 * SECOND]


async def test_a_cancellation_of_the_run_at_the_end_of_the_time_is_the_end(clock: Clock) -> None:
    clock.ends = [asyncio.CancelledError()]

    assert not await wait_until(lambda: False, SECOND)
    assert len(clock.waits) == 1


async def test_a_cancellation_of_the_task_itself_ends_its_wait(clock: Clock) -> None:
    clock.ends = [asyncio.CancelledError("this task")]

    async def cancelled() -> None:
        assert not is_cancelled_itself()
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        assert is_cancelled_itself()
        await wait_until(lambda: False)

    with pytest.raises(asyncio.CancelledError, match="this task"):
        await asyncio.create_task(cancelled())
    assert len(clock.waits) == 1


@pytest.mark.parametrize(
    ("first", "longest", "seconds"), [(1, 60, [1, 2, 4, 8]), (1, 3, [1, 2, 3, 3]), (9, 3, [3, 3, 3, 3])]
)
def test_pauses_double_up_to_the_longest(first: int, longest: int, seconds: list[int]) -> None:
    pauses = islice(growing(first * SECOND, longest * SECOND), 4)

    assert [pause.total_seconds() for pause in pauses] == seconds
