"""What happens at the calls of a step: the vocabulary of a world's script."""

from __future__ import annotations

from enum import StrEnum


class Do(StrEnum):
    """The behavior of a do."""

    OK = "ok"
    """It takes effect, and answers."""
    REFUSE = "refuse"
    """It refuses, and stores the refusal."""
    FAULT = "fault"
    """It fails before its effect."""
    LOST = "lost"
    """It takes effect or refuses, and the answer is lost."""
    SLOW = "slow"
    """It takes effect, and answers after `World.slow` seconds."""


class Undo(StrEnum):
    """The behavior of an undo."""

    OK = "ok"
    """It takes back the effect, if any, and leaves a tombstone."""
    FAULT = "fault"
    """It fails, and nothing is undone."""
    LOST = "lost"
    """It undoes the effect, and the answer is lost."""
    REQUESTED = "requested"
    """It is accepted and becomes final later: the effect is still there."""
    TOO_LATE = "too_late"
    """The effect stands. If there is none, it behaves like OK."""
