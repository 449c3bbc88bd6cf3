"""Waiting for an activity's answer: when it is ended early, and what becomes of an answer that comes in that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio import workflow

from ordersaga.saga.activity_calls import answer_of
from ordersaga.saga.exits import Interrupted


@pytest.fixture(autouse=True)
def in_a_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conditions are looked at whenever something has happened."""

    async def wait_condition(condition: Callable[[], bool], **options: Any) -> None:
        while not condition():
            await asyncio.sleep(0)

    monkeypatch.setattr(workflow, "wait_condition", wait_condition)
    monkeypatch.setattr(workflow, "now", lambda: datetime(2026, 1, 1, tzinfo=UTC))


class Call:
    """An activity that answers when it is told to, and tells how it was ended."""

    def __init__(self, *, heeds_cancel: bool = True) -> None:
        self.heeds_cancel = heeds_cancel
        self.begun = self.cancelled = False
        self.release = asyncio.Event()
        self.handle: Any = asyncio.create_task(self._run())

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
    call = Call()
    waiting = asyncio.create_task(answer_of(call.handle, lambda: False))
    while not call.begun:
        await asyncio.sleep(0)
    assert not waiting.done()
    call.release.set()

    assert await waiting == "17"
    assert not call.cancelled


async def test_an_answer_that_is_there_counts_although_nobody_waits_for_it_any_more() -> None:
    call = Call()
    call.release.set()
    await call.handle

    assert await answer_of(call.handle, lambda: True) == "17"


async def test_what_is_ended_has_begun_or_its_activity_would_be_started_and_forgotten() -> None:
    call = Call()

    async with asyncio.timeout(0.5):
        with pytest.raises(Interrupted, match="it was ended early"):
            await answer_of(call.handle, lambda: True)
    assert (call.begun, call.cancelled) == (True, True)


async def test_the_attempt_of_what_is_ended_is_seen_to_its_end_and_its_answer_counts() -> None:
    call = Call(heeds_cancel=False)
    waiting = asyncio.create_task(answer_of(call.handle, lambda: True))
    while not call.cancelled:
        await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    call.release.set()

    assert await waiting == "17"


async def test_a_cancellation_of_whoever_waits_is_passed_on() -> None:
    call = Call()
    stopped: list[bool] = []
    waiting = asyncio.create_task(answer_of(call.handle, lambda: bool(stopped)))
    while not call.begun:
        await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    late = Call(heeds_cancel=False)
    waiting = asyncio.create_task(answer_of(late.handle, lambda: True))
    while not late.cancelled:
        await asyncio.sleep(0)
    late.heeds_cancel = True
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    call.handle.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call.handle
