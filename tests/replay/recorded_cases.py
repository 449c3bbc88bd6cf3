"""Every kind of end that an order can have. `make histories` records those that have no history yet."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from ordersaga.orders.workflows.ids import recovery_id
from ordersaga.stack.faults import Fault, Kind
from ordersaga.stack.faults.calls import UNDO_OF
from tests.replay.case_run import (
    RecordedCase,
    a_fault,
    a_person_is_needed,
    books,
    cancel_by_signal,
    cancel_by_update,
    cancel_natively,
    decide,
    on_the_worklist,
    parcel_leaves,
    stock_was_released,
    stop_faults,
    terminate,
    together,
    watch,
)

MOON = {"street": "1 Crater Rd", "city": "Tranquility", "state": "", "zip_code": "ABC", "country": "US"}
NO_STOCK: dict[str, Any] = {"stock": 1}
NO_MONEY: dict[str, Any] = {"payment_method_id": "pm_card_chargeDeclined"}
NO_ADDRESS: dict[str, Any] = {"shipping_address": MOON}
MANY_LINES = [{"sku": "completed-675-lines-a", "quantity": 1, "price": Decimal("0.01")} for _ in range(675)]


def policy(**seconds: float) -> dict[str, Any]:
    """An order with this policy."""
    return {"policy": seconds}


DURABLE = policy(fast_path=0)
HASTY = policy(step_deadline=1)
IMPATIENT = policy(undo_patience=0.5)
ON_HOLD = policy(hold_before_shipping=300)
SHORT_HOLD = policy(hold_before_shipping=300, undo_patience=0.5)
NO_REFUND = NO_ADDRESS | IMPATIENT
RECOVERY = recovery_id("{name}")

PAID = books("held", "captured")
BOOKED = books("held", "captured", "created")


def down(call: str, attempts: Collection[int] | None = None) -> Fault:
    """A call that does nothing and answers 500, at every attempt unless attempts are given."""
    return Fault(Kind.ERROR_BEFORE, call, attempts=attempts)


def slow(call: str | None, seconds: float) -> Fault:
    """A first attempt with a late answer."""
    return Fault(Kind.SLOW, call, seconds=seconds)


RECORDED_CASES = {
    "completed": RecordedCase(),
    "completed-durable": RecordedCase(DURABLE),
    "completed-plain-json": RecordedCase(plain={}),
    "completed-675-lines": RecordedCase({"stock": 1_000, "items": MANY_LINES}),
    "completed-hold": RecordedCase(policy(hold_before_shipping=0.5)),
    "completed-retries": RecordedCase(faults=[Fault(Kind.LOSE_RESPONSE, call, attempts=(1, 2)) for call in UNDO_OF]),
    "completed-slow-first-attempt": RecordedCase(policy(fast_path=0.5), [slow("charge", 2)]),
    "completed-heartbeat": RecordedCase(policy(fast_path=3), [slow(None, 2.5)]),
    "completed-no-mail": RecordedCase(HASTY, [down("notify")]),
    "refused-stock": RecordedCase(NO_STOCK),
    "refused-stock-durable": RecordedCase(NO_STOCK | DURABLE),
    "refused-card": RecordedCase(NO_MONEY),
    "refused-card-durable": RecordedCase(NO_MONEY | DURABLE),
    "refused-card-plain-json": RecordedCase(NO_MONEY, plain={}),
    "refused-address": RecordedCase(NO_ADDRESS),
    "refused-address-durable": RecordedCase(NO_ADDRESS | DURABLE),
    "unreadable": RecordedCase(plain={"items": []}),
    "fenced": RecordedCase(before=[stock_was_released]),
    "unknown-stock": RecordedCase(HASTY, [Fault(Kind.ERROR_AFTER, "reserve", attempts=None)]),
    "unknown-charge": RecordedCase(HASTY, [Fault(Kind.LOSE_RESPONSE, "charge", attempts=None)]),
    "unknown-shipment": RecordedCase(HASTY, [Fault(Kind.GARBAGE, "ship", attempts=None)]),
    "cancelled-in-hold-by-update": RecordedCase(ON_HOLD, acts=[PAID, cancel_by_update]),
    "cancelled-in-hold-by-signal": RecordedCase(ON_HOLD, acts=[PAID, cancel_by_signal]),
    "cancelled-in-hold-natively": RecordedCase(ON_HOLD, acts=[PAID, cancel_natively]),
    "cancelled-in-hold-by-all": RecordedCase(
        ON_HOLD, acts=[PAID, together(cancel_by_signal, cancel_natively, cancel_by_update, cancel_by_update)]
    ),
    "cancelled-in-retries-by-update": RecordedCase(faults=[down("charge")], acts=[a_fault, cancel_by_update]),
    "cancelled-in-retries-by-signal": RecordedCase(faults=[down("ship")], acts=[a_fault, cancel_by_signal]),
    "cancelled-in-retries-natively": RecordedCase(faults=[down("notify")], acts=[BOOKED, a_fault, cancel_natively]),
    "cancelled-in-undo-natively": RecordedCase(
        NO_ADDRESS, [down("refund", (1, 2))], [a_fault, cancel_natively, cancel_by_update]
    ),
    # The server rejects the end of the workflow task, which loses its local activities. The register still knows them.
    "too-late-at-last-activity-by-signal": RecordedCase(faults=[slow("notify", 1.0)], acts=[a_fault, cancel_by_signal]),
    "too-late-at-last-activity-natively": RecordedCase(faults=[slow("notify", 1.0)], acts=[a_fault, cancel_natively]),
    "too-late-by-update": RecordedCase(
        faults=[down("notify", range(1, 4))], acts=[BOOKED, parcel_leaves, cancel_by_update]
    ),
    "too-late-natively": RecordedCase(
        faults=[down("notify", range(1, 4))], acts=[BOOKED, parcel_leaves, cancel_natively]
    ),
    "too-late-at-last-activity-by-update": RecordedCase(faults=[slow("notify", 1.0)], acts=[a_fault, cancel_by_update]),
    "undo-retried": RecordedCase(NO_ADDRESS, [Fault(Kind.LOSE_RESPONSE, "refund", attempts=(1, 2))]),
    "undo-parked": RecordedCase(NO_ADDRESS | IMPATIENT, [down("refund")], [a_person_is_needed, stop_faults]),
    "undo-parked-pivot": RecordedCase(
        SHORT_HOLD, [down("cancel_shipment")], [PAID, cancel_by_signal, a_person_is_needed, stop_faults]
    ),
    "resolved-retry": RecordedCase(NO_REFUND, [down("refund")], [a_person_is_needed, stop_faults, decide("retry")]),
    "resolved-by-hand": RecordedCase(
        NO_REFUND, [down("refund")], [a_person_is_needed, decide("done_by_hand", "transfer 17")]
    ),
    "resolved-write-off": RecordedCase(
        NO_REFUND, [down("refund")], [a_person_is_needed, decide("write_off", "it is 1 cent")]
    ),
    "resolved-forward": RecordedCase(
        SHORT_HOLD,
        [down("cancel_shipment")],
        [PAID, cancel_by_signal, a_person_is_needed, decide("go_forward", "it has left")],
    ),
    "recovered-terminated": RecordedCase(ON_HOLD, acts=[PAID, terminate, watch], workflow=RECOVERY),
    "recovered-mail-retried": RecordedCase(
        HASTY, [down("notify")], [on_the_worklist, stop_faults, decide("retry")], workflow=RECOVERY
    ),
    "recovered-mail-by-hand": RecordedCase(
        HASTY, [down("notify")], [on_the_worklist, decide("done_by_hand", "by telephone")], workflow=RECOVERY
    ),
    "round": RecordedCase(ON_HOLD, acts=[PAID, terminate, watch], workflow="round-1-{name}"),
}
