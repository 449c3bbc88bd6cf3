"""Waiting for events from outside: delivered, found by a poll, late or never; with a simulated clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.converter import DataConverter

from ordersaga.saga import ExternalEvent
from ordersaga.saga.exits import Refused, Unwind
from ordersaga.saga.inbox import Inbox
from ordersaga.saga.run_log import RunLog
from tests.unit.engine import Service, Time, failed, raw

SECOND = timedelta(seconds=1)
PAID = ExternalEvent[str, str]("paid", str)


@activity.defn
async def check_health(subject: str) -> str:
    return subject


POLLED = ExternalEvent[str, str]("paid", str, poll=check_health, call_timeout=3 * SECOND)


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


@pytest.fixture
def log() -> RunLog:
    return RunLog([], lambda event: None)


@pytest.fixture
def polls(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service()

    def start(poll: Any, request: Any, **options: Any) -> Any:
        service.limits.append(options["schedule_to_close_timeout"])
        return service.handle(raw)

    monkeypatch.setattr(workflow, "start_activity", start)
    monkeypatch.setattr(workflow, "payload_converter", lambda: DataConverter.default.payload_converter)
    return service


def inbox_of(log: RunLog, *, committed: bool = False) -> Inbox:
    return Inbox(log, "subject", lambda: committed)


def happened(log: RunLog) -> list[str]:
    return [type(each).__name__ for each in log.events]


def wait(inbox: Inbox, event: Any, seconds: timedelta, stops: Callable[[], bool]) -> Coroutine[Any, Any, str | None]:
    return inbox.wait(event, seconds, stops)


async def test_the_first_value_of_an_event_counts(log: RunLog) -> None:
    inbox = inbox_of(log)
    inbox.deliver(PAID, "17")
    inbox.deliver(PAID, "18")

    assert await wait(inbox, PAID, SECOND, lambda: False) == "17"
    assert happened(log) == ["EventReceived"]


async def test_an_event_that_comes_in_time_ends_the_wait(log: RunLog, time: Time) -> None:
    inbox = inbox_of(log)
    waiting = asyncio.create_task(wait(inbox, PAID, SECOND, lambda: False))
    await asyncio.sleep(0)
    inbox.deliver(PAID, "17")

    assert await waiting == "17"
    assert happened(log) == ["WaitBegun", "EventReceived"]
    assert time.waits == []


@pytest.mark.parametrize("committed", [False, True])
async def test_an_event_that_does_not_come_leaves_the_story_unless_the_pivot_stands(
    log: RunLog, time: Time, committed: bool
) -> None:
    inbox = inbox_of(log, committed=committed)
    if committed:
        assert await wait(inbox, PAID, 7 * SECOND, lambda: False) is None
    else:
        with pytest.raises(Unwind, match="paid did not come in time") as late:
            await wait(inbox, PAID, 7 * SECOND, lambda: False)
        assert (late.value.refusal, late.value.wanted) == ("TimedOut", False)
    assert happened(log) == ["WaitBegun", "WaitTimedOut"]
    assert time.waits == [7 * SECOND]


async def test_a_wait_that_is_stopped_is_not_late(log: RunLog) -> None:
    assert await wait(inbox_of(log), PAID, SECOND, lambda: True) is None
    assert happened(log) == ["WaitBegun"]


async def test_what_a_poll_finds_is_the_events_value(log: RunLog, polls: Service) -> None:
    polls.answers = ["17"]

    assert await wait(inbox_of(log), POLLED, 7 * SECOND, lambda: False) == "17"
    assert polls.limits == [7 * SECOND]


@pytest.mark.parametrize(("kind", "refusal"), [("CalledOff", "CalledOff"), (None, "Refused")])
async def test_a_poll_that_knows_that_it_never_comes_is_believed(
    log: RunLog, polls: Service, kind: str | None, refusal: str
) -> None:
    polls.answers = [failed("called off", final=True, kind=kind)]

    with pytest.raises(Refused, match="called off") as refused:
        await wait(inbox_of(log), POLLED, 7 * SECOND, lambda: False)
    assert (refused.value.kind, refused.value.recorded) == (refusal, False)


async def test_after_a_poll_that_the_server_ended_the_wait_continues_with_one_more_poll(
    log: RunLog, polls: Service, time: Time
) -> None:
    polls.answers = [failed("not yet"), "17"]

    assert await wait(inbox_of(log), POLLED, 7 * SECOND, lambda: False) == "17"
    assert time.waits == [7 * SECOND]
    assert polls.limits == [7 * SECOND, 3 * SECOND]
    polls.answers = [failed("not yet"), failed("not yet")]
    with pytest.raises(Unwind):
        await wait(inbox_of(log), POLLED, 7 * SECOND, lambda: False)


async def test_a_poll_that_was_ended_by_the_message_or_by_a_stop_is_over(log: RunLog, polls: Service) -> None:
    inbox, stops = inbox_of(log), [False]
    polls.answers = [None, None]
    waiting = asyncio.create_task(wait(inbox, POLLED, 7 * SECOND, lambda: stops[0]))
    while not polls.retries:
        await asyncio.sleep(0)
    inbox.deliver(POLLED, "17")
    assert await waiting == "17"

    other = inbox_of(log)
    waiting = asyncio.create_task(wait(other, POLLED, 7 * SECOND, lambda: stops[0]))
    while len(polls.retries) < 2:
        await asyncio.sleep(0)
    stops[0] = True
    assert await waiting is None
    assert polls.ended == 2
