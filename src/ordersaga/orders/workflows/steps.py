"""The steps of an order: their activities, their undos, and the requests to the services."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.contracts.inventory import ReservationLine, ReservationRequest
    from ordersaga.contracts.notification import NotificationRequest, Template
    from ordersaga.contracts.payment import ChargeRequest
    from ordersaga.contracts.shipping import ShipmentAddress, ShipmentRequest
    from ordersaga.domain.order import OrderInput, OrderPolicy
    from ordersaga.orders.activities import (
        InventoryActivities,
        NotificationActivities,
        PaymentActivities,
        ShippingActivities,
    )
    from ordersaga.saga import EffectId, Kind, Policy, Step


def reservation(order: OrderInput, reservation_id: EffectId) -> ReservationRequest:
    """The request to inventory."""
    return ReservationRequest(
        reservation_id=reservation_id, owner=order.fingerprint, order_id=order.order_id, items=_lines(order)
    )


def charge(order: OrderInput, payment_id: EffectId) -> ChargeRequest:
    """The request to payment."""
    return ChargeRequest(
        payment_id=payment_id,
        owner=order.fingerprint,
        order_id=order.order_id,
        customer_id=order.customer_id,
        payment_method_id=order.payment_method_id,
        amount=order.total.amount,
        currency=order.currency,
        idempotency_key=payment_id,
    )


def shipment(order: OrderInput, shipment_id: EffectId) -> ShipmentRequest:
    """The request to shipping."""
    to = order.shipping_address
    address = ShipmentAddress(street=to.street, city=to.city, state=to.state, zip=to.zip_code, country=to.country)
    return ShipmentRequest(
        shipment_id=shipment_id,
        owner=order.fingerprint,
        order_id=order.order_id,
        address=address,
        items=_lines(order),
    )


def confirmation(order: OrderInput, message_id: EffectId, tracking_number: str | None) -> NotificationRequest:
    """The request to notification. Without an email address, the service must know the customer's.

    If a person booked the shipment by hand, the tracking number is unknown.
    """
    tracking = {"tracking_number": tracking_number} if tracking_number else {}
    return NotificationRequest(
        message_id=message_id,
        owner=order.fingerprint,
        order_id=order.order_id,
        to=order.email or f"customer:{order.customer_id}",
        template=Template.ORDER_CONFIRMATION,
        data={"total": str(order.total), **tracking},
    )


RESERVE = Step(
    "reserve_inventory",
    prefix="rsv",
    title="reserve the stock",
    request=reservation,
    do=InventoryActivities.reserve_inventory,
    undo=InventoryActivities.release_inventory,
    fast_path=True,
)
CHARGE = Step(
    "charge_payment",
    prefix="pay",
    title="charge the customer",
    request=charge,
    do=PaymentActivities.charge_payment,
    undo=PaymentActivities.refund_payment,
    fast_path=True,
)
SHIP = Step(
    "create_shipment",
    prefix="shp",
    title="book the shipment",
    request=shipment,
    do=ShippingActivities.create_shipment,
    undo=ShippingActivities.cancel_shipment,
    kind=Kind.PIVOT,
    fast_path=True,
)
CONFIRM = Step(
    "send_confirmation",
    prefix="msg",
    title="send the confirmation",
    request=confirmation,
    do=NotificationActivities.send_confirmation,
    undo=NotificationActivities.recall_confirmation,
    kind=Kind.RETRIABLE,
    fast_path=True,
)


def saga_policy(policy: OrderPolicy) -> Policy:
    """An order's policy, as the engine's type."""
    return Policy(
        call_timeout=timedelta(seconds=policy.http_timeout),
        step_deadline=timedelta(seconds=policy.step_deadline),
        undo_patience=timedelta(seconds=policy.undo_patience),
        fast_path=timedelta(seconds=policy.fast_path),
    )


def _lines(order: OrderInput) -> list[ReservationLine]:
    return [ReservationLine(sku=item.sku, qty=item.quantity) for item in order.items]
