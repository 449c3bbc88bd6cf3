"""Events from outside: signals and updates deliver them before or while the story waits for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

from ordersaga.saga.activity_calls import Unreadable, answer_of, failure_of, start_poll
from ordersaga.saga.definition import ExternalEvent
from ordersaga.saga.events import EventReceived, WaitBegun, WaitTimedOut
from ordersaga.saga.exits import Interrupted, Refused, Unwind
from ordersaga.saga.run_log import RunLog
from ordersaga.saga.waiting import wait_until

V = TypeVar("V")
Condition = Callable[[], bool]


class Inbox:
    """The events of a run. If an event is delivered more than once, the first value counts."""

    def __init__(self, log: RunLog, subject: Any, is_committed: Condition) -> None:
        self._log, self._subject, self._is_committed = log, subject, is_committed
        self._values: dict[str, Any] = {}

    def deliver(self, event: ExternalEvent[Any, V], value: V) -> None:
        """Store the value of an event."""
        if event.name not in self._values:
            self._values[event.name] = value
            self._log.happened(EventReceived, event=event.name)

    async def wait(self, event: ExternalEvent[Any, V], deadline: timedelta, is_stopped: Condition) -> V | None:
        """Return the event's value; None if the wait was stopped, or if the event did not come once the pivot stands.

        Raises Refused if a poll finds that the event will never come, and Unwind after the deadline.
        """
        if not self._has(event):
            refused = await self._wait(event, deadline, is_stopped)
            if not self._has(event) and not is_stopped():
                self._log.happened(WaitTimedOut, event=event.name)
                if not self._is_committed():
                    raise refused or Unwind(f"{event.name} did not come in time", refusal="TimedOut")
        value: V | None = self._values.get(event.name)
        return value

    def _has(self, event: ExternalEvent[Any, Any]) -> bool:
        return event.name in self._values

    async def _wait(self, event: ExternalEvent[Any, Any], deadline: timedelta, is_stopped: Condition) -> Refused | None:
        ends = workflow.now() + deadline
        self._log.happened(WaitBegun, event=event.name, until=ends)

        def is_over() -> bool:
            return self._has(event) or is_stopped()

        refused = await self._poll(event, deadline, is_over)
        if refused is not None:
            return refused
        # The server ends a poll whose next attempt would be after the deadline.
        if await wait_until(is_over, ends - workflow.now(), f"wait for {event.name}"):
            return None
        return await self._poll(event, event.call_timeout, is_over)

    async def _poll(self, event: ExternalEvent[Any, Any], deadline: timedelta, is_over: Condition) -> Refused | None:
        """Poll for the event until the deadline. Returns Refused if it will never happen."""
        if event.poll is None:
            return None
        try:
            value = await answer_of(start_poll(event, self._subject, deadline), is_over)
        except (Interrupted, Unreadable):
            return None
        except ActivityError as error:
            failure = failure_of(error)
            return Refused(failure.type or "Refused", failure.message, recorded=False) if failure.final else None
        self.deliver(event, value)
        return None
