"""What is known, and since when: answers shared for a moment, and shown with their age when no new one comes."""

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
"""For the first answer to a question, which there is nothing to show instead of."""


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[T_co]):
    """A value, when it was read, and why there is no newer one, if there should be one."""

    value: T_co
    at: datetime
    problem: str | None = None

    @property
    def fresh(self) -> bool:
        """Whether this is how things stand now."""
        return self.problem is None


@dataclass(slots=True)
class _Entry:
    value: Snapshot[Any] | None = None
    failure: Exception | None = None
    asked: float = float("-inf")
    """When the last answer or failure came."""
    reading: asyncio.Task[_Outcome] | None = None

    def patience(self, usual: float) -> float:
        """How long to wait for an answer: longer if none is known, and not so long if there was none the last time."""
        if self.value is None:
            return max(usual, LONG_PATIENCE)
        return usual if self.failure is None else min(usual, SHORT_PATIENCE)

    def forget(self) -> None:
        """Have it asked anew."""
        self.asked = float("-inf")
        self.reading = None


_Outcome = tuple[Snapshot[Any] | None, Exception | None]


class ReadCache:
    """The last answer to each question. Questions are hashable keys; reading is up to whoever asks.

    One read at a time for a key, however many ask; its answer, or its failure, counts for `max_age` seconds. Of the
    values, the `keep` that were asked for last are kept.
    """

    def __init__(self, max_age: float = 1.0, keep: int = 2000) -> None:
        self.max_age = max_age
        self.keep = keep
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._readings: set[asyncio.Task[_Outcome]] = set()

    async def get(self, key: Hashable, read: Callable[[], Awaitable[T]], patience: float = PATIENCE) -> Snapshot[T]:
        """The answer to a question. Raises what `read` raises.

        When something does not answer (Unavailable), or no answer comes within `patience` seconds, it gives the last
        known value and says why it is old. Where none is known, it waits longer, and raises Unavailable.
        """
        entry = self._entry(key)
        if monotonic() - entry.asked < self.max_age:
            outcome: _Outcome = entry.value if entry.failure is None else None, entry.failure
        else:
            reading = entry.reading or self._start(entry, read)
            seconds = entry.patience(patience)
            await asyncio.wait([reading], timeout=seconds)
            if not reading.done():
                silence = f"No answer came within {seconds:g} s."
                if entry.value is None:
                    raise Unavailable(f"{silence} Nothing was changed. Ask again: it is being tried.")
                return replace(entry.value, problem=str(entry.failure or silence))
            outcome = reading.result()
        value, failure = outcome
        if value is not None:
            return value
        assert failure is not None
        if entry.value is None or not isinstance(failure, Unavailable):
            raise failure.with_traceback(None)
        return replace(entry.value, problem=str(failure))

    def last(self, key: Hashable) -> Snapshot[Any] | None:
        """The last value known, however old, without asking."""
        entry = self._entries.get(key)
        return entry.value if entry else None

    def forget(self, key: Hashable) -> None:
        """Ask anew next time, because something has just been changed. What was known is kept for worse times."""
        if entry := self._entries.get(key):
            entry.forget()

    def forget_all(self, fits: Callable[[Any], bool]) -> None:
        """The same for all questions that fit."""
        for key, entry in self._entries.items():
            if fits(key):
                entry.forget()

    async def close(self) -> None:
        """End what is still being read."""
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
        if entry.reading is asyncio.current_task():  # else something was changed since, and it may tell of before
            entry.value, entry.failure = value or entry.value, failure
            entry.asked = monotonic()
            entry.reading = None
        return value, failure
