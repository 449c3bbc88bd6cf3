"""The requests to the services for an order, and the declaration of its steps."""

from __future__ import annotations

from datetime import timedelta

from ordersaga.domain.order import OrderPolicy
from ordersaga.orders.workflows import steps
from ordersaga.orders.workflows.steps import CHARGE, CONFIRM, RESERVE, SHIP, saga_policy
from ordersaga.orders.workflows.story import ORDER_SAGA
from ordersaga.saga import Kind, Policy
from tests.unit.orders import order_of

OWNER = order_of().fingerprint
LINES = [{"sku": "a", "qty": 2}, {"sku": "b", "qty": 1}]


def test_inventory_is_asked_for_every_line() -> None:
    asked = steps.reservation(order_of(), RESERVE.effect_id("A-1"))

    assert asked.model_dump(mode="json") == {
        "reservation_id": "rsv-A-1",
        "owner": OWNER,
        "order_id": "A-1",
        "items": LINES,
    }


def test_payment_is_asked_for_the_total_under_the_payments_own_id() -> None:
    asked = steps.charge(order_of(), CHARGE.effect_id("A-1"))

    assert asked.model_dump(mode="json", exclude_none=True) == {
        "payment_id": "pay-A-1",
        "owner": OWNER,
        "order_id": "A-1",
        "customer_id": "customer-1",
        "payment_method_id": "pm_card_visa",
        "amount": "44.98",
        "currency": "EUR",
        "idempotency_key": "pay-A-1",
    }


def test_shipping_is_asked_to_bring_every_line_to_the_address() -> None:
    asked = steps.shipment(order_of(), SHIP.effect_id("A-1"))

    address = {"street": "350 5th Ave", "city": "New York", "state": "NY", "zip": "10118", "country": "US"}
    assert asked.model_dump(mode="json") == {
        "shipment_id": "shp-A-1",
        "owner": OWNER,
        "order_id": "A-1",
        "address": address,
        "items": LINES,
    }


def test_the_email_goes_to_the_order_or_else_to_its_customer_and_names_the_parcel_if_there_is_one() -> None:
    order = order_of(email="ada@example.com")
    mail = steps.confirmation(order, CONFIRM.effect_id("A-1"), "1Z999")
    assert mail.model_dump(mode="json") == {
        "message_id": "msg-A-1",
        "owner": order.fingerprint,
        "order_id": "A-1",
        "to": "ada@example.com",
        "template": "order_confirmation",
        "data": {"total": str(order_of().total), "tracking_number": "1Z999"},
    }
    other = steps.confirmation(order_of(), CONFIRM.effect_id("A-1"), None)
    assert (other.to, other.data) == ("customer:customer-1", {"total": str(order_of().total)})


def test_every_step_is_declared_with_what_undoes_it() -> None:
    declared = [
        (each.name, each.prefix, each.title, each.kind, each.fast_path, each.undo and each.undo.__name__)
        for each in ORDER_SAGA.steps
    ]
    assert declared == [
        ("reserve_inventory", "rsv", "reserve the stock", Kind.COMPENSATABLE, True, "release_inventory"),
        ("charge_payment", "pay", "charge the customer", Kind.COMPENSATABLE, True, "refund_payment"),
        ("create_shipment", "shp", "book the shipment", Kind.PIVOT, True, "cancel_shipment"),
        ("send_confirmation", "msg", "send the confirmation", Kind.RETRIABLE, True, "recall_confirmation"),
    ]


def test_an_orders_policy_is_the_engines_in_seconds() -> None:
    policy = OrderPolicy(http_timeout=1, step_deadline=2, undo_patience=4, fast_path=3)

    assert saga_policy(policy) == Policy(
        call_timeout=timedelta(seconds=1),
        step_deadline=timedelta(seconds=2),
        undo_patience=timedelta(seconds=4),
        fast_path=timedelta(seconds=3),
    )


def test_every_step_of_an_order_has_a_title_and_takes_the_fast_path() -> None:
    assert [(step.title, step.fast_path) for step in ORDER_SAGA.steps] == [
        ("reserve the stock", True),
        ("charge the customer", True),
        ("book the shipment", True),
        ("send the confirmation", True),
    ]
