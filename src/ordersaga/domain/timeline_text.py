"""Timeline entries in English, for people. Programs read an entry's fields instead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from ordersaga.domain.result import TimelineEntry


def describe(entry: TimelineEntry, name_of: Callable[[str], str] = str) -> str:
    """Describe an entry in a few words. `name_of` maps a step's name to the name to show, such as "charge"."""
    text_of = _TEXTS.get(entry.kind, _unknown)
    return text_of(entry, name_of(entry.step) if entry.step else "")


def plain(value: str | None) -> str:
    """An enumeration's value with spaces for underscores."""
    return (value or "").replace("_", " ")


def describe_choice(choice: str | None) -> str:
    """A decision that was carried out, such as "written off"."""
    return _CHOICES.get(choice or "") or plain(choice)


def _failed(entry: TimelineEntry, step: str) -> str:
    outcome = f"gave up on {step}" if entry.state == "gave_up" else f"{step}: result unknown"
    return f"{outcome}: {entry.message}"


def _undo_answered(entry: TimelineEntry, step: str) -> str:
    if entry.outcome != "requested":
        return f"{step}: {plain(entry.detail or entry.outcome)}"
    detail = "" if entry.detail in (None, "", entry.outcome) else f" ({plain(entry.detail)})"
    return f"undo of {step} requested, not final yet{detail}"


def _parked(entry: TimelineEntry, step: str) -> str:
    problem = f"undo of {step} parked" if entry.undoing else f"{step} must be done but keeps failing"
    return f"{problem}: {entry.message}"


def _resolved(entry: TimelineEntry, step: str) -> str:
    subject = f"undo of {step}" if entry.undoing else step
    return f"{subject}: {describe_choice(entry.choice)} by {entry.by}" + (f": {entry.note}" if entry.note else "")


def _attempt_failed(entry: TimelineEntry, step: str) -> str:
    return f"attempt {entry.attempt} {'to undo' if entry.undoing else 'of'} {step} failed: {entry.message}"


def _cancel_requested(entry: TimelineEntry, step: str) -> str:
    by = f" by {entry.by}" if entry.by else ""
    return f"cancellation requested{by}: {entry.reason}"


def _until(at: datetime | None) -> str:
    return f" until {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""


def _unknown(entry: TimelineEntry, step: str) -> str:
    return f"{plain(entry.kind)} {step}".rstrip()


_CHOICES = {"retry": "retried", "write_off": "written off", "go_forward": "marked as shipped"}

_TEXTS: dict[str, Callable[[TimelineEntry, str], str]] = {
    "placed": lambda entry, step: "placed",
    "ended": lambda entry, step: f"ended: {plain(entry.state)}",
    "step_done": lambda entry, step: f"{step} done",
    "step_refused": lambda entry, step: f"{step} refused: {entry.refusal}",
    "step_failed": _failed,
    "undo_answered": _undo_answered,
    "step_parked": _parked,
    "step_resolved": _resolved,
    "attempt_failed": _attempt_failed,
    "cancel_requested": _cancel_requested,
    "unwind_begun": lambda entry, step: f"undoing the order: {entry.reason}",
    "went_forward": lambda entry, step: f"{step} can no longer be undone: completing the order",
    "hold_begun": lambda entry, step: f"on hold{_until(entry.until)}",
    "hold_ended": lambda entry, step: "hold ended",
    "wait_begun": lambda entry, step: f"waiting for {plain(entry.event)}{_until(entry.until)}",
    "event_received": lambda entry, step: f"{plain(entry.event)} received",
    "wait_timed_out": lambda entry, step: f"{plain(entry.event)} was not received in time",
}

KINDS = frozenset(_TEXTS)
"""The kinds that have a text of their own. A kind from a later version is shown by its name."""
