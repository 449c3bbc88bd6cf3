"""The dashboard's texts about a decision before it is made, and about an order's end after it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ordersaga.domain.result import OrderStatus, OrderView, StepStatus
from ordersaga.web.dashboard.consequences import what_happens, what_stays

NAMES = {
    "reserve_inventory": "rsv-1",
    "charge_payment": "pay-1",
    "create_shipment": "shp-1",
    "send_confirmation": "msg-1",
}
STOCK, MONEY, PARCEL, MAIL = NAMES
ALL_BUT_PARCEL_UNDONE = {PARCEL: "undo_parked", MONEY: "undone", STOCK: "undone", MAIL: "pending"}


def view(states: Mapping[str, str], status: OrderStatus = OrderStatus.NEEDS_ATTENTION) -> OrderView:
    """An order whose steps are done, except for these; `undo_…` is a state of the undo."""
    steps = [
        StepStatus(
            name=name,
            id=effect,
            state=states.get(name, "done").removeprefix("undo_"),
            undoing=states.get(name, "").startswith("undo_"),
        )
        for name, effect in NAMES.items()
    ]
    return OrderView(order_id="1", status=status, amount="44.98", currency="USD", steps=steps, timeline=[])


def says(choice: str, name: str, states: Mapping[str, str]) -> str:
    """The text about a decision on this step."""
    order = view(states)
    step = next(each for each in order.steps if each.name == name)
    return what_happens(choice, step, order, "$44.98")


@pytest.mark.parametrize(
    ("choice", "name", "states", "message"),
    [
        (
            "write_off",
            MONEY,
            {MONEY: "undo_parked", PARCEL: "refused"},
            "the customer is not refunded, and $44.98 stays",
        ),
        ("write_off", MONEY, {MONEY: "undo_parked", PARCEL: "refused"}, "stays charged (pay-1). The rest of the order"),
        (
            "done_by_hand",
            MONEY,
            {MONEY: "undo_parked"},
            "You confirm that you refunded the customer outside ordersaga (pay-1).",
        ),
        ("write_off", STOCK, {STOCK: "undo_parked"}, "the stock stays reserved (rsv-1)"),
        ("write_off", PARCEL, {PARCEL: "undo_parked", MAIL: "pending"}, "the shipment stays booked (shp-1)"),
        (
            "write_off",
            PARCEL,
            {PARCEL: "undo_parked", MAIL: "pending"},
            "Everything else is undone: the customer is refunded $44.98 (pay-1); the stock is released (rsv-1).",
        ),
        (
            "done_by_hand",
            PARCEL,
            {PARCEL: "undo_parked", MAIL: "pending"},
            "You confirm that you cancelled the shipment outside",
        ),
        ("done_by_hand", PARCEL, {PARCEL: "undo_parked", MAIL: "pending"}, "the customer is refunded $44.98 (pay-1)"),
        (
            "write_off",
            PARCEL,
            {PARCEL: "undo_parked", MONEY: "undone", STOCK: "undone", MAIL: "pending"},
            "nothing else to undo",
        ),
        ("go_forward", PARCEL, {PARCEL: "undo_parked"}, "The order completes, and $44.98 stays charged"),
        ("write_off", PARCEL, {PARCEL: "parked"}, "no shipment is booked. The order completes."),
        ("write_off", PARCEL, {PARCEL: "parked"}, "$44.98 stays charged to the customer."),
        ("write_off", MONEY, {MONEY: "parked"}, "the customer is not charged $44.98. The order completes."),
        ("done_by_hand", PARCEL, {PARCEL: "parked"}, "You confirm that you booked the shipment outside ordersaga."),
        ("retry", MONEY, {MONEY: "undo_parked"}, "Refunding the customer is retried once, now, and you see"),
        ("retry", PARCEL, {PARCEL: "parked"}, "Booking the shipment is retried once, now"),
    ],
)
def test_consequences_are_shown_before_a_decision(
    choice: str, name: str, states: Mapping[str, str], message: str
) -> None:
    assert message in says(choice, name, states)


def test_a_step_of_a_later_version_has_plain_text() -> None:
    order = view({})
    later = StepStatus(name="redeem_points", id="pts-1", state="parked", undoing=True)
    assert "this stays in effect (pts-1)" in what_happens("write_off", later, order, "")


@pytest.mark.parametrize(
    ("status", "states", "message"),
    [
        (OrderStatus.CANCELLED, {MONEY: "undo_undone"}, ""),
        (OrderStatus.COMPLETED, {}, ""),
        (
            OrderStatus.CANCELLED,
            {PARCEL: "undo_written_off", MONEY: "undo_undone"},
            "Written off: the shipment stays booked (shp-1), and the carrier may deliver it.",
        ),
        (
            OrderStatus.FAILED,
            {MONEY: "undo_written_off", STOCK: "undo_written_off"},
            (
                "Written off: the stock stays reserved (rsv-1); "
                "the customer is not refunded, and $44.98 stays charged (pay-1)."
            ),
        ),
        (OrderStatus.FAILED, {MONEY: "undo_done_by_hand"}, "Someone refunded the customer by hand."),
        (OrderStatus.COMPLETED, {PARCEL: "written_off"}, "Written off: no shipment is booked."),
        (OrderStatus.COMPLETED, {PARCEL: "done_by_hand"}, "Someone booked the shipment by hand."),
    ],
)
def test_decisions_are_shown_afterwards(status: OrderStatus, states: Mapping[str, str], message: str) -> None:
    assert what_stays(view(states, status), "$44.98") == message
