"""A single-flight cache. During an outage it serves the last known values with their age."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Generic, TypeVar

from ordersaga.domain.errors import Unavailable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

PATIENCE = 3.0
SHORT_PATIENCE = 0.3
LONG_PATIENCE = 6.0
"""For the first read of a key, when there is no older value to serve."""


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[T_co]):
    """A value, when it was read, and, if it is out of date, why."""

    value: T_co
    at: datetime
    problem: str | None = None

    @property
    def fresh(self) -> bool:
        """Whether the value is current."""
        return self.problem is None


@dataclass(slots=True)
class _Entry:
    value: Snapshot[Any] | None = None
    failure: Exception | None = None
    asked: float = float("-inf")
    """When the last read succeeded or failed, in seconds of the monotonic clock."""
    reading: asyncio.Task[_Outcome] | None = None

    def patience(self, usual: float) -> float:
        """Seconds to wait for a read: longer if no value is known, shorter if the last read failed."""
        if self.value is None:
            return max(usual, LONG_PATIENCE)
        return usual if self.failure is None else min(usual, SHORT_PATIENCE)

    def forget(self) -> None:
        """Make the next call read again."""
        self.asked = float("-inf")
        self.reading = None


_Outcome = tuple[Snapshot[Any] | None, Exception | None]


class ReadCache:
    """Caches the last value of each hashable key. The caller supplies the function that reads it.

    A key is read once at a time; concurrent callers share the read. Its value, or its failure, is served for `max_age`
    seconds. The `keep` most recently used keys are kept.
    """

    def __init__(self, max_age: float = 1.0, keep: int = 2000) -> None:
        self.max_age = max_age
        self.keep = keep
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._readings: set[asyncio.Task[_Outcome]] = set()

    async def get(self, key: Hashable, read: Callable[[], Awaitable[T]], patience: float = PATIENCE) -> Snapshot[T]:
        """The current value of a key. Raises what `read` raises.

        If the read raises Unavailable or takes longer than `patience` seconds, returns the last known value, with the
        reason in `problem`. If no value is known, waits longer, and then raises Unavailable.
        """
        entry = self._entry(key)
        if monotonic() - entry.asked < self.max_age:
            outcome: _Outcome = entry.value if entry.failure is None else None, entry.failure
        else:
            reading = entry.reading or self._start(entry, read)
            seconds = entry.patience(patience)
            await asyncio.wait([reading], timeout=seconds)
            if not reading.done():
                timeout = f"No response within {seconds:g} s."
                if entry.value is None:
                    raise Unavailable(f"{timeout} Nothing was changed. Retry: the read continues.")
                return replace(entry.value, problem=str(entry.failure or timeout))
            outcome = reading.result()
        value, failure = outcome
        if value is not None:
            return value
        assert failure is not None
        if entry.value is None or not isinstance(failure, Unavailable):
            raise failure.with_traceback(None)
        return replace(entry.value, problem=str(failure))

    def last(self, key: Hashable) -> Snapshot[Any] | None:
        """The last known value, however old, without reading."""
        entry = self._entries.get(key)
        return entry.value if entry else None

    def forget(self, key: Hashable) -> None:
        """Make the next call read again, because the data has changed. The old value is kept for outages."""
        if entry := self._entries.get(key):
            entry.forget()

    def forget_all(self, matches: Callable[[Any], bool]) -> None:
        """Do the same for all keys that match."""
        for key, entry in self._entries.items():
            if matches(key):
                entry.forget()

    async def close(self) -> None:
        """Cancel reads in progress."""
        for reading in self._readings:
            reading.cancel()
        await asyncio.gather(*self._readings, return_exceptions=True)

    def _entry(self, key: Hashable) -> _Entry:
        entry = self._entries.setdefault(key, _Entry())
        self._entries.move_to_end(key)
        while len(self._entries) > self.keep:
            self._entries.popitem(last=False)
        return entry

    def _start(self, entry: _Entry, read: Callable[[], Awaitable[Any]]) -> asyncio.Task[_Outcome]:
        reading = entry.reading = asyncio.create_task(self._read(entry, read))
        self._readings.add(reading)
        reading.add_done_callback(self._readings.discard)
        return reading

    async def _read(self, entry: _Entry, read: Callable[[], Awaitable[Any]]) -> _Outcome:
        began = datetime.now(UTC)
        value: Snapshot[Any] | None = None
        failure: Exception | None = None
        try:
            value = Snapshot(await read(), began)
        except Exception as error:
            failure = error
        if (
            entry.reading is asyncio.current_task()
        ):  # otherwise the key was forgotten since, and this value may be outdated
            entry.value, entry.failure = value or entry.value, failure
            entry.asked = monotonic()
            entry.reading = None
        return value, failure
