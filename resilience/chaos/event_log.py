"""The events of a campaign, as JSON lines with the seconds since its start."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self


class EventLog:
    """The event log of a campaign, and its clock, which starts when the log is opened."""

    def __init__(self, path: Path) -> None:
        self.errors: Counter[str] = Counter()
        """Errors that callers got and retried."""
        self._path = path

    def __enter__(self) -> Self:
        self._lines = self._path.open("w", encoding="utf-8", buffering=1)
        self._began = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def note(self, event: str, **details: object) -> float:
        """Log an event that happens now, and return the seconds since the start."""
        now = self.now
        self._lines.write(json.dumps({"at": round(now, 3), "event": event} | details, default=str) + "\n")
        return now

    def record_error(self, error: Exception, order_id: str) -> None:
        """Log an error after which the caller retries."""
        self.errors[type(error).__name__] += 1
        self.note("retries", order=order_id, because=f"{type(error).__name__}: {error}"[:300])
