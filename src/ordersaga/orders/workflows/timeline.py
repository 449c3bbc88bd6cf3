"""Converts the saga's events to an order's timeline."""

from __future__ import annotations

import re
from typing import Any

from ordersaga.domain.result import TimelineEntry
from ordersaga.saga import Decision, OutcomeDecided, SagaEnded, SagaEvent, StepBegun, UndoBegun

_NOT_SHOWN = (StepBegun, UndoBegun, OutcomeDecided, SagaEnded)
"""Events that the step's state and the order's status already show."""


def entry_of(event: SagaEvent) -> TimelineEntry | None:
    """The timeline entry of an event, or None if a timeline does not show it."""
    if isinstance(event, _NOT_SHOWN):
        return None
    fields: dict[str, Any] = dict(vars(event))
    decision: Decision | None = fields.pop("decision", None)
    if decision is not None:
        fields |= {"choice": decision.choice, "by": decision.by, "note": decision.note}
    return TimelineEntry(kind=kind_of(type(event)), **fields)


def kind_of(event: type[SagaEvent]) -> str:
    """The name of an event on a timeline: StepDone is `step_done`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()
