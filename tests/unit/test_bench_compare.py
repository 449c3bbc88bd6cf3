"""What `python -m bench.compare` calls lost, and the table that it prints."""

from __future__ import annotations

import pytest

from bench.compare.__main__ import Outcome, table
from bench.compare.outcome import lost, whole
from bench.compare.scenarios import Scenario
from ordersaga.audit.effects import Effects
from ordersaga.contracts.inventory import ReservationEntry
from ordersaga.contracts.notification import NotificationEntry
from ordersaga.contracts.payment import PaymentEntry
from ordersaga.contracts.shipping import ShipmentEntry

BASE: dict[str, object] = {"order_id": "A-1", "created_at": "2026-01-01T00:00:00Z"}


def effects(stock: str, payment: str, shipment: str, mail: str) -> Effects:
    """An order's effects in these states; an empty one is not there."""
    refunded = "5.00" if payment == "refunded" else "0.00"
    goods = BASE | {"reservation_id": "rsv-A-1", "items": []}
    money = BASE | {"payment_id": "pay-A-1", "amount": "5.00", "refunded": refunded, "currency": "USD"}
    parcel = BASE | {"shipment_id": "shp-A-1"}
    email = BASE | {"message_id": "msg-A-1", "to": "ada@example.com", "subject": "Your order"}
    found = Effects()
    for state, kind, fields in (
        (stock, ReservationEntry, goods),
        (payment, PaymentEntry, money),
        (shipment, ShipmentEntry, parcel),
        (mail, NotificationEntry, email),
    ):
        if state:
            found.add(kind.model_validate(fields | {"state": state}))
    return found


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("held", "captured", "created", "queued"), []),
        (("consumed", "captured", "shipped", "sent"), []),
        (("", "", "", ""), []),
        (("released", "refunded", "cancelled", "recalled"), []),
        (("released", "captured", "", ""), ["customer charged"]),
        (("held", "captured", "", ""), ["customer charged", "stock held"]),
        (("held", "refunded", "shipped", "sent"), ["customer refunded for goods that are gone"]),
        (("released", "captured", "created", "sent"), ["the parcel's stock released"]),
        (("held", "refunded", "created", "sent"), ["customer refunded, parcel booked"]),
        (("held", "captured", "created", ""), ["no email"]),
        (("released", "refunded", "cancelled", "sent"), ["email sent"]),
    ],
)
def test_what_is_neither_done_nor_undone_is_lost(states: tuple[str, str, str, str], expected: list[str]) -> None:
    assert lost(effects(*states)) == expected


def test_an_order_that_lost_nothing_is_done_or_undone() -> None:
    assert whole(effects("held", "captured", "created", "queued")) == "done"
    assert whole(effects("released", "refunded", "", "")) == "undone"


def test_the_table_names_what_each_engine_lost() -> None:
    scenario = Scenario("declined", "the card is declined")
    outcomes = {
        "ordersaga": {"declined": Outcome("failed", [], "undone", 1.2)},
        "naive": {"declined": Outcome("failed", ["customer charged", "stock held"], "undone", 60.0)},
    }
    assert table({"ordersaga": "ordersaga", "naive": "a naive saga"}, [scenario], outcomes).splitlines() == [
        "| what happens | ordersaga | a naive saga |",
        "| --- | --- | --- |",
        "| the card is declined | nothing, all undone after 1 s (failed) | **customer charged; stock held** (failed) |",
    ]
