"""The saga's events as an order's timeline."""

from __future__ import annotations

import re
from typing import Any

from ordersaga.domain.result import TimelineEntry
from ordersaga.saga import Decision, OutcomeDecided, SagaEnded, SagaEvent, StepBegun, UndoBegun

_UNTOLD = (StepBegun, UndoBegun, OutcomeDecided, SagaEnded)
"""What the step's state and the order's status tell already."""


def entry_of(event: SagaEvent) -> TimelineEntry | None:
    """The entry of an event; None of one that a timeline does not tell of."""
    if isinstance(event, _UNTOLD):
        return None
    fields: dict[str, Any] = dict(vars(event))
    decision: Decision | None = fields.pop("decision", None)
    if decision is not None:
        fields |= {"choice": decision.choice, "by": decision.by, "note": decision.note}
    return TimelineEntry(kind=kind_of(type(event)), **fields)


def kind_of(event: type[SagaEvent]) -> str:
    """What an event is called on a timeline: StepDone is `step_done`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()
