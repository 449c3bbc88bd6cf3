"""The money at risk while a step is parked, by the state of the charge and the direction of the order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ordersaga.orders.workflows.at_risk import money_at_risk
from ordersaga.saga import Phase, StepState, Verdict
from tests.unit.orders import order_of

FORWARD, UNWINDING, STANDS, UNDONE = Phase.FORWARD, Phase.UNWINDING, Verdict.STANDS, Verdict.UNDONE


@pytest.mark.parametrize(
    ("charge", "phase", "verdict", "at_risk"),
    [
        (StepState.PENDING, FORWARD, None, False),
        (StepState.PENDING, UNWINDING, None, True),  # a run that was reset may have made it
        (StepState.RUNNING, FORWARD, None, True),
        (StepState.PARKED, FORWARD, None, True),
        (StepState.DONE, FORWARD, None, True),
        (StepState.DONE, UNWINDING, None, True),
        (StepState.DONE, FORWARD, STANDS, False),  # it is paid, and the parcel has left
        (StepState.PARKED, FORWARD, STANDS, True),
        (StepState.UNKNOWN, UNWINDING, UNDONE, True),
        (StepState.PARKED, UNWINDING, UNDONE, True),
        (StepState.UNDO_REQUESTED, UNWINDING, UNDONE, True),
        (StepState.REFUSED, UNWINDING, UNDONE, False),
        (StepState.UNDONE, UNWINDING, UNDONE, False),
        (StepState.NOTHING_TO_UNDO, UNWINDING, UNDONE, False),
        (StepState.DONE_BY_HAND, UNWINDING, UNDONE, False),
        (StepState.WRITTEN_OFF, UNWINDING, UNDONE, False),
    ],
)
def test_money_is_at_risk_until_the_charge_is_recovered(
    charge: StepState, phase: Phase, verdict: Verdict | None, at_risk: bool
) -> None:
    order = order_of()
    saga: Any = SimpleNamespace(records={"charge_payment": SimpleNamespace(state=charge)}, phase=phase, verdict=verdict)
    found = money_at_risk(order, cast("Any", saga))
    assert (found.minor, found.currency) == (order.total.minor if at_risk else 0, order.currency)
