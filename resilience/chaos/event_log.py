"""What happened in a campaign, as JSON lines with the seconds since its start."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self


class EventLog:
    """The journal of a campaign, and its clock, which starts when the journal is opened."""

    def __init__(self, path: Path) -> None:
        self.errors: Counter[str] = Counter()
        """Errors that callers met and got over by asking again."""
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

    def note(self, what: str, **details: object) -> float:
        """Write down what happens now; the seconds since the start."""
        now = self.now
        self._lines.write(json.dumps({"at": round(now, 3), "what": what} | details, default=str) + "\n")
        return now

    def met(self, error: Exception, order_id: str) -> None:
        """Write down an error after which somebody asks again."""
        self.errors[type(error).__name__] += 1
        self.note("asks again", order=order_id, because=f"{type(error).__name__}: {error}"[:300])
