"""Limits how many event streams a caller may have open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

PER_CALLER = 20
TOTAL = 500


class TooManyStreams(Exception):
    """The caller, or all callers together, would exceed their limit of open event streams."""


class Streams:
    """Counts open event streams, per caller and in total."""

    def __init__(self, per_caller: int = PER_CALLER, total: int = TOTAL) -> None:
        self.per_caller = per_caller
        self.total = total
        self._open: Counter[str] = Counter()

    @contextmanager
    def open(self, caller: str) -> Iterator[None]:
        """Count a stream as open while the block lasts. Raises TooManyStreams."""
        if self._open[caller] >= self.per_caller or self._open.total() >= self.total:
            raise TooManyStreams(
                f"{caller} has {self._open[caller]} event streams open; {self.per_caller} are allowed."
            )
        self._open[caller] += 1
        try:
            yield
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]
