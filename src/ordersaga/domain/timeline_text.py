"""A timeline's entries in English. Programs read an entry's fields; nobody reads this but people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from ordersaga.domain.result import TimelineEntry


def describe(entry: TimelineEntry, name_of: Callable[[str], str] = str) -> str:
    """What has happened, in a few words. `name_of` gives the name to show of a step, such as "charge"."""
    words = _WORDS.get(entry.kind, _unknown)
    return words(entry, name_of(entry.step) if entry.step else "")


def plain(value: str | None) -> str:
    """A value of an enumeration in plain words."""
    return (value or "").replace("_", " ")


def _failed(entry: TimelineEntry, step: str) -> str:
    what = f"{step} given up" if entry.state == "gave_up" else f"effect of {step} unknown"
    return f"{what}: {entry.message}"


def _undo_answered(entry: TimelineEntry, step: str) -> str:
    if entry.outcome != "requested":
        return f"{step}: {plain(entry.detail or entry.outcome)}"
    detail = "" if entry.detail in (None, "", entry.outcome) else f" ({plain(entry.detail)})"
    return f"undo of {step} requested: it is final later{detail}"


def _parked(entry: TimelineEntry, step: str) -> str:
    what = f"undo of {step} parked" if entry.undoing else f"{step} has to be done and cannot be"
    return f"{what}: {entry.message}"


def _resolved(entry: TimelineEntry, step: str) -> str:
    what = f"undo of {step}" if entry.undoing else step
    return f"{what}: {plain(entry.choice)} by {entry.by}" + (f": {entry.note}" if entry.note else "")


def _attempt_failed(entry: TimelineEntry, step: str) -> str:
    return f"attempt {entry.attempt} {'to undo' if entry.undoing else 'of'} {step} failed: {entry.message}"


def _until(at: datetime | None) -> str:
    return f" until {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""


def _unknown(entry: TimelineEntry, step: str) -> str:
    return f"{plain(entry.kind)} {step}".rstrip()


_WORDS: dict[str, Callable[[TimelineEntry, str], str]] = {
    "placed": lambda entry, step: "placed",
    "ended": lambda entry, step: f"ended: {plain(entry.state)}",
    "step_done": lambda entry, step: f"{step} done",
    "step_refused": lambda entry, step: f"{step} refused: {entry.refusal}",
    "step_failed": _failed,
    "undo_answered": _undo_answered,
    "step_parked": _parked,
    "step_resolved": _resolved,
    "attempt_failed": _attempt_failed,
    "cancel_requested": lambda entry, step: f"cancel requested{f' by {entry.by}' if entry.by else ''}: {entry.reason}",
    "unwind_begun": lambda entry, step: f"unwinding: {entry.reason}",
    "went_forward": lambda entry, step: f"{step} stands: going forward",
    "hold_begun": lambda entry, step: f"on hold{_until(entry.until)}",
    "hold_ended": lambda entry, step: "hold is over",
    "wait_begun": lambda entry, step: f"waiting for {plain(entry.event)}{_until(entry.until)}",
    "event_received": lambda entry, step: f"{plain(entry.event)} has come",
    "wait_timed_out": lambda entry, step: f"{plain(entry.event)} did not come in time",
}

KINDS = frozenset(_WORDS)
"""The kinds that have words of their own. One of a later version is told by its name."""
