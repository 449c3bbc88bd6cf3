"""An order's timeline in English: every kind of entry has a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from ordersaga.domain.result import TimelineEntry
from ordersaga.domain.timeline_text import KINDS, describe
from ordersaga.orders.workflows.timeline import entry_of, kind_of
from ordersaga.saga import (
    AttemptFailed,
    CancelRequested,
    Choice,
    Decision,
    EventReceived,
    HoldBegun,
    HoldEnded,
    SagaEvent,
    StepDone,
    StepEvent,
    StepFailed,
    StepParked,
    StepRefused,
    StepResolved,
    StepState,
    UndoAnswered,
    UndoOutcome,
    UnwindBegun,
    Verdict,
    WaitBegun,
    WaitTimedOut,
    WentForward,
)

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(days=365, seconds=1)
CHANGE: dict[str, Any] = {"at": AT, "step": "charge", "was": StepState.RUNNING, "since": AT}
UNDO: dict[str, Any] = CHANGE | {"was": StepState.UNDOING}
BY_HAND = Decision("charge", Choice.DONE_BY_HAND, "Ada", "bank transfer 17")
SAMPLES: dict[Any, Any] = {
    datetime: AT,
    datetime | None: AT,
    str: "text",
    str | None: "text",
    int: 1,
    bool: True,
    StepState: StepState.DONE,
    UndoOutcome: UndoOutcome.UNDONE,
    Verdict: Verdict.STANDS,
    Decision: BY_HAND,
}
"""A value for each type of an event's fields."""


def kinds(base: type[SagaEvent] = SagaEvent) -> Iterator[type[SagaEvent]]:
    """All kinds of events."""
    for kind in base.__subclasses__():
        if kind is not StepEvent:
            yield kind
        yield from kinds(kind)


def sample(kind: type[SagaEvent]) -> SagaEvent:
    """An event of a kind."""
    types = get_type_hints(kind)
    return kind(**{field.name: SAMPLES[types[field.name]] for field in fields(kind)})


def test_every_kind_on_a_timeline_has_a_text() -> None:
    received = {kind_of(kind) for kind in kinds() if entry_of(sample(kind)) is not None}
    assert received | {"placed", "ended"} == KINDS


def test_every_kind_with_a_text_is_described_below() -> None:
    assert {kind_of(type(event)) for event, _ in DESCRIBED} | {"placed", "ended"} == KINDS


DESCRIBED: list[tuple[SagaEvent, str]] = [
    (StepDone(**CHANGE, state=StepState.DONE, attempts=2), "charge done"),
    (
        StepRefused(**CHANGE, state=StepState.REFUSED, refusal="PaymentDeclined", message="the card was declined"),
        "charge refused: PaymentDeclined",
    ),
    (
        StepFailed(**CHANGE, state=StepState.UNKNOWN, message="no answer within 2 s"),
        "charge: result unknown: no answer within 2 s",
    ),
    (
        StepFailed(**CHANGE, state=StepState.GAVE_UP, message="payment answered 500"),
        "gave up on charge: payment answered 500",
    ),
    (
        UndoAnswered(**UNDO, state=StepState.UNDONE, outcome=UndoOutcome.UNDONE, attempts=1, detail="refunded"),
        "charge: refunded",
    ),
    (
        UndoAnswered(
            **UNDO, state=StepState.NOTHING_TO_UNDO, outcome=UndoOutcome.NOTHING_TO_UNDO, attempts=1, detail=""
        ),
        "charge: nothing to undo",
    ),
    (
        UndoAnswered(
            **UNDO, state=StepState.UNDO_REQUESTED, outcome=UndoOutcome.REQUESTED, attempts=1, detail="requested"
        ),
        "undo of charge requested, not final yet",
    ),
    (
        UndoAnswered(
            **UNDO, state=StepState.UNDO_REQUESTED, outcome=UndoOutcome.REQUESTED, attempts=1, detail="at_the_bank"
        ),
        "undo of charge requested, not final yet (at the bank)",
    ),
    (
        StepParked(**UNDO, state=StepState.PARKED, undoing=True, message="payment answered 500"),
        "undo of charge parked: payment answered 500",
    ),
    (
        StepParked(**CHANGE, state=StepState.PARKED, undoing=False, message="payment answered 500"),
        "charge must be done but keeps failing: payment answered 500",
    ),
    (
        StepResolved(**UNDO, state=StepState.DONE_BY_HAND, undoing=True, decision=BY_HAND),
        "undo of charge: done by hand by Ada: bank transfer 17",
    ),
    (
        StepResolved(**CHANGE, state=StepState.PARKED, undoing=False, decision=Decision("charge", Choice.RETRY, "Ada")),
        "charge: retried by Ada",
    ),
    (
        AttemptFailed(at=AT, step="charge", attempt=1, undoing=False, message="no answer within 2 s"),
        "attempt 1 of charge failed: no answer within 2 s",
    ),
    (
        AttemptFailed(at=AT, step="charge", attempt=3, undoing=True, message="no answer within 2 s"),
        "attempt 3 to undo charge failed: no answer within 2 s",
    ),
    (CancelRequested(at=AT, reason="ordered twice"), "cancellation requested: ordered twice"),
    (CancelRequested(at=AT, reason="ordered twice", by="Ada"), "cancellation requested by Ada: ordered twice"),
    (UnwindBegun(at=AT, reason="charge failed"), "undoing the order: charge failed"),
    (WentForward(at=AT, step="shipment"), "shipment can no longer be undone: completing the order"),
    (HoldBegun(at=AT, until=LATER), "on hold until 2027-03-01 12:00:01 UTC"),
    (HoldEnded(at=AT), "hold ended"),
    (
        WaitBegun(at=AT, event="goods_inspected", until=LATER),
        "waiting for goods inspected until 2027-03-01 12:00:01 UTC",
    ),
    (EventReceived(at=AT, event="goods_inspected"), "goods inspected received"),
    (WaitTimedOut(at=AT, event="goods_inspected"), "goods inspected was not received in time"),
]


def test_every_kind_is_in_the_description_of_the_api() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page.partition("**Timeline.**")[2], re.MULTILINE)
    assert {kind for row in rows for kind in re.findall(r"\w+", row)} >= KINDS


@pytest.mark.parametrize(("event", "text"), DESCRIBED, ids=lambda value: value if isinstance(value, str) else "")
def test_an_event_has_a_text(event: SagaEvent, text: str) -> None:
    entry = entry_of(event)
    assert entry is not None
    assert describe(entry) == text


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (TimelineEntry(at=AT, kind="placed"), "placed"),
        (TimelineEntry(at=AT, kind="ended", state="needs_attention"), "ended: needs attention"),
        (TimelineEntry(at=AT, kind="step_beamed_up", step="parcel"), "step beamed up PARCEL"),
        (TimelineEntry(at=AT, kind="all_quiet"), "all quiet"),
    ],
)
def test_entries_without_an_event_have_a_text_too(entry: TimelineEntry, text: str) -> None:
    assert describe(entry, str.upper) == text
