"""How many answers without an end somebody may have open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

PER_CALLER = 20
IN_ALL = 500


class TooManyStreams(Exception):
    """One more event stream than the caller, or all callers, may have open."""


class Streams:
    """Counts open event streams."""

    def __init__(self, per_caller: int = PER_CALLER, in_all: int = IN_ALL) -> None:
        self.per_caller = per_caller
        self.in_all = in_all
        self._open: Counter[str] = Counter()

    @contextmanager
    def open(self, who: str) -> Iterator[None]:
        """Count a stream as open while the block lasts. Raises TooManyStreams."""
        if self._open[who] >= self.per_caller or self._open.total() >= self.in_all:
            raise TooManyStreams(f"{who} has {self._open[who]} event streams open; {self.per_caller} are allowed.")
        self._open[who] += 1
        try:
            yield
        finally:
            self._open[who] -= 1
            if not self._open[who]:
                del self._open[who]
