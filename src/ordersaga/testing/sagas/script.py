"""What is to happen at the calls of a step: the words of a world's script."""

from __future__ import annotations

from enum import StrEnum


class Do(StrEnum):
    """What a do does."""

    OK = "ok"
    """It takes effect, and answers."""
    REFUSE = "refuse"
    """It says no, and remembers that it did."""
    FAULT = "fault"
    """It fails before its effect."""
    LOST = "lost"
    """It takes effect, or refuses, and the answer is lost."""
    SLOW = "slow"
    """It takes effect, and answers after `World.slow` seconds."""


class Undo(StrEnum):
    """What an undo does."""

    OK = "ok"
    """It takes back what there is, and leaves a tombstone."""
    FAULT = "fault"
    """It fails, and nothing is undone."""
    LOST = "lost"
    """It undoes, and the answer is lost."""
    REQUESTED = "requested"
    """It is accepted, and final later: the effect is still there."""
    TOO_LATE = "too_late"
    """The effect stands. Where there is none, it is as OK: nobody is too late for nothing."""
