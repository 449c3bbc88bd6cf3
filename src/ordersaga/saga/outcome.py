"""The direction in which a saga goes, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """The direction in which a saga is going."""

    FORWARD = "forward"
    UNWINDING = "unwinding"
    ENDED = "ended"


class Verdict(StrEnum):
    """How a saga ends, once that is certain."""

    STANDS = "stands"
    """The saga has completed or will complete: its effects stay."""
    UNDONE = "undone"
    """The saga will end with nothing in effect."""


@dataclass(frozen=True)
class Outcome:
    """How a saga ended: whether its effects stand, whether somebody cancelled it, and why it failed if it did."""

    verdict: Verdict
    cancelled: bool = False
    error: str | None = None
    refusal: str | None = None
    ending: Any = None
    """The end that the register has stored, if it differs from the one that this run reported."""
