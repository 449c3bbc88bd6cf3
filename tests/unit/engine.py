"""A workflow's clock and activities, for tests of the engine's parts without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.converter import DataConverter
from temporalio.exceptions import ActivityError, ApplicationError, RetryState

from ordersaga.saga.activity_calls import Call, Retries


def activity_error(cause: BaseException | None) -> ActivityError:
    """An activity's failure with this cause."""
    error = ActivityError(
        "Activity task failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="undo",
        activity_id="undo a",
        retry_state=RetryState.TIMEOUT,
    )
    error.__cause__ = cause
    return error


def failed(message: str, *details: Any, final: bool = False, kind: str | None = "CalledOff") -> ActivityError:
    """The failure of an activity."""
    return activity_error(ApplicationError(message, *details, type=kind, non_retryable=final))


def raw(answer: Any) -> RawValue:
    """An activity's answer, as the SDK returns it."""
    return RawValue(DataConverter.default.payload_converter.to_payload(answer))


class Time:
    """A workflow's clock. It advances when nothing else happens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.waits: list[timedelta] = []
        monkeypatch.setattr(workflow, "now", lambda: self.now)
        monkeypatch.setattr(workflow, "wait_condition", self.wait)

    async def wait(self, condition: Callable[[], bool], *, timeout: timedelta | None = None, **options: Any) -> None:
        """Wait until the condition is true or nothing more happens."""
        for _ in range(50):
            if condition():
                return
            await asyncio.sleep(0)
        assert timeout is not None, "it waits for ever"
        self.waits.append(timeout)
        self.now += timeout
        raise TimeoutError


class Service:
    """Returns one scripted answer per attempt. `None` waits until the attempt is ended."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.retries: list[Retries] = []
        self.limits: list[timedelta] = []
        self.ended = 0

    def start(self, retries: Retries) -> Call:
        """Start an attempt whose answer needs no decoding."""
        return Call(self.handle(lambda answer: answer, retries), lambda answer: answer)

    def handle(self, encode: Callable[[Any], Any], retries: Retries = Retries.QUICK) -> Any:
        """The SDK's handle of an attempt."""
        self.retries.append(retries)
        return asyncio.create_task(self._answer(self.answers.pop(0), encode))

    async def _answer(self, answer: Any, encode: Callable[[Any], Any]) -> Any:
        try:
            while answer is None:
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.ended += 1
            raise
        if isinstance(answer, BaseException):
            raise answer
        return encode(answer)
