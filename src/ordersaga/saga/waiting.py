"""Waiting in workflow code, in such a way that Temporal's own cancellation does not end the engine's waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

from temporalio import workflow


async def wait_until(condition: Callable[[], bool], timeout: timedelta | None = None, summary: str = "") -> bool:
    """Wait for a condition, and return whether it came true in time.

    With the SDK's workflow logic flag 2, a cancellation of the run raises CancelledError in every task that waits for a
    condition. The engine's tasks learn about it from `SagaRun.cancel`, so they continue to wait. They stop only if they
    are cancelled themselves, as all tasks are when a run is evicted from a worker's cache.
    """
    ends = None if timeout is None else workflow.now() + timeout
    while not condition():
        left = None if ends is None else ends - workflow.now()
        if left is not None and left <= timedelta(0):
            return False
        try:
            await workflow.wait_condition(condition, timeout=left, timeout_summary=summary or None)
        except TimeoutError:
            return condition()
        except asyncio.CancelledError:
            if is_cancelled_itself():
                raise
    return True


def is_cancelled_itself() -> bool:
    """Return whether the current task itself was cancelled, not just the run."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def growing(first: timedelta, longest: timedelta) -> Iterator[timedelta]:
    """Yield pauses, each twice as long as the one before, up to the longest."""
    pause = min(first, longest)
    while True:
        yield pause
        pause = min(pause * 2, longest)
