"""Every kind of ending that an order can come to. `make histories` records those that have no history yet."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from ordersaga.testing.faults import Fault, Kind
from ordersaga.testing.faults.calls import UNDO_OF
from ordersaga.workflows.ids import settlement_id
from tests.replay.stage import (
    Play,
    a_fault,
    a_person_is_needed,
    books,
    cancel_by_signal,
    cancel_by_update,
    cancel_natively,
    decide,
    heal,
    on_the_worklist,
    parcel_leaves,
    stock_was_released,
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
SETTLEMENT = settlement_id("{name}")

PAID = books("held", "captured")
BOOKED = books("held", "captured", "created")


def down(call: str, attempts: Collection[int] | None = None) -> Fault:
    """A call that does nothing and answers 500, at every attempt if none are named."""
    return Fault(Kind.ERROR_BEFORE, call, attempts=attempts)


def slow(call: str | None, seconds: float) -> Fault:
    """A first attempt that is answered late."""
    return Fault(Kind.SLOW, call, seconds=seconds)


PLAYS = {
    "completed": Play(),
    "completed-durable": Play(DURABLE),
    "completed-plain-json": Play(plain={}),
    "completed-675-lines": Play({"stock": 1_000, "items": MANY_LINES}),
    "completed-hold": Play(policy(hold_before_shipping=0.5)),
    "completed-retries": Play(faults=[Fault(Kind.LOSE_RESPONSE, call, attempts=(1, 2)) for call in UNDO_OF]),
    "completed-slow-first-attempt": Play(policy(fast_path=0.5), [slow("charge", 2)]),
    "completed-heartbeat": Play(policy(fast_path=3), [slow(None, 2.5)]),
    "completed-no-mail": Play(HASTY, [down("notify")]),
    "refused-stock": Play(NO_STOCK),
    "refused-stock-durable": Play(NO_STOCK | DURABLE),
    "refused-card": Play(NO_MONEY),
    "refused-card-durable": Play(NO_MONEY | DURABLE),
    "refused-card-plain-json": Play(NO_MONEY, plain={}),
    "refused-address": Play(NO_ADDRESS),
    "refused-address-durable": Play(NO_ADDRESS | DURABLE),
    "unreadable": Play(plain={"items": []}),
    "fenced": Play(before=[stock_was_released]),
    "unknown-stock": Play(HASTY, [Fault(Kind.ERROR_AFTER, "reserve", attempts=None)]),
    "unknown-charge": Play(HASTY, [Fault(Kind.LOSE_RESPONSE, "charge", attempts=None)]),
    "unknown-shipment": Play(HASTY, [Fault(Kind.GARBAGE, "ship", attempts=None)]),
    "cancelled-in-hold-by-update": Play(ON_HOLD, acts=[PAID, cancel_by_update]),
    "cancelled-in-hold-by-signal": Play(ON_HOLD, acts=[PAID, cancel_by_signal]),
    "cancelled-in-hold-natively": Play(ON_HOLD, acts=[PAID, cancel_natively]),
    "cancelled-in-hold-by-all": Play(
        ON_HOLD, acts=[PAID, together(cancel_by_signal, cancel_natively, cancel_by_update, cancel_by_update)]
    ),
    "cancelled-in-retries-by-update": Play(faults=[down("charge")], acts=[a_fault, cancel_by_update]),
    "cancelled-in-retries-by-signal": Play(faults=[down("ship")], acts=[a_fault, cancel_by_signal]),
    "cancelled-in-retries-natively": Play(faults=[down("notify")], acts=[BOOKED, a_fault, cancel_natively]),
    "cancelled-in-undo-natively": Play(
        NO_ADDRESS, [down("refund", (1, 2))], [a_fault, cancel_natively, cancel_by_update]
    ),
    # What a workflow task did in its local activities is forgotten when the server refuses its end. The register knows.
    "too-late-at-last-activity-by-signal": Play(faults=[slow("notify", 1.0)], acts=[a_fault, cancel_by_signal]),
    "too-late-at-last-activity-natively": Play(faults=[slow("notify", 1.0)], acts=[a_fault, cancel_natively]),
    "too-late-by-update": Play(faults=[down("notify", range(1, 4))], acts=[BOOKED, parcel_leaves, cancel_by_update]),
    "too-late-natively": Play(faults=[down("notify", range(1, 4))], acts=[BOOKED, parcel_leaves, cancel_natively]),
    "too-late-at-last-activity-by-update": Play(faults=[slow("notify", 1.0)], acts=[a_fault, cancel_by_update]),
    "undo-retried": Play(NO_ADDRESS, [Fault(Kind.LOSE_RESPONSE, "refund", attempts=(1, 2))]),
    "undo-parked": Play(NO_ADDRESS | IMPATIENT, [down("refund")], [a_person_is_needed, heal]),
    "undo-parked-pivot": Play(
        SHORT_HOLD, [down("cancel_shipment")], [PAID, cancel_by_signal, a_person_is_needed, heal]
    ),
    "resolved-retry": Play(NO_REFUND, [down("refund")], [a_person_is_needed, heal, decide("retry")]),
    "resolved-by-hand": Play(NO_REFUND, [down("refund")], [a_person_is_needed, decide("done_by_hand", "transfer 17")]),
    "resolved-write-off": Play(NO_REFUND, [down("refund")], [a_person_is_needed, decide("write_off", "it is 1 cent")]),
    "resolved-forward": Play(
        SHORT_HOLD,
        [down("cancel_shipment")],
        [PAID, cancel_by_signal, a_person_is_needed, decide("go_forward", "it has left")],
    ),
    "settled-terminated": Play(ON_HOLD, acts=[PAID, terminate, watch], workflow=SETTLEMENT),
    "settled-mail-retried": Play(
        HASTY, [down("notify")], [on_the_worklist, heal, decide("retry")], workflow=SETTLEMENT
    ),
    "settled-mail-by-hand": Play(
        HASTY, [down("notify")], [on_the_worklist, decide("done_by_hand", "by telephone")], workflow=SETTLEMENT
    ),
    "round": Play(ON_HOLD, acts=[PAID, terminate, watch], workflow="round-1-{name}"),
}
