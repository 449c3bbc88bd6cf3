"""Which way a saga goes, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """Which way a saga is going."""

    FORWARD = "forward"
    UNWINDING = "unwinding"
    ENDED = "ended"


class Verdict(StrEnum):
    """What is certain about a saga's end, from the moment on when it is."""

    STANDS = "stands"
    """It has gone through, or will: its effects stay."""
    UNDONE = "undone"
    """It will end with nothing in effect."""


@dataclass(frozen=True)
class Outcome:
    """How a saga ended: whether its effects stand, whether somebody cancelled it, and why it failed if it did."""

    verdict: Verdict
    cancelled: bool = False
    error: str | None = None
    refusal: str | None = None
    ending: Any = None
    """What the register has written about the end, where that is not what this run has told it."""
