"""The steps of an order: what does each, what undoes it, and what each service is asked."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.activities import (
        Charged,
        Confirmed,
        InventoryActivities,
        NotificationActivities,
        PaymentActivities,
        Reserved,
        Shipped,
        ShippingActivities,
    )
    from ordersaga.contracts.inventory import ReservationLine, ReservationRequest
    from ordersaga.contracts.notification import NotificationRequest, Template
    from ordersaga.contracts.payment import ChargeRequest
    from ordersaga.contracts.shipping import ShipmentAddress, ShipmentRequest
    from ordersaga.domain.order import OrderInput, OrderPolicy
    from ordersaga.saga import Kind, Policy, Step

RESERVE = Step[ReservationRequest, Reserved](
    name="reserve_inventory",
    prefix="rsv",
    title="reserve the stock",
    do=InventoryActivities.reserve_inventory,
    undo=InventoryActivities.release_inventory,
)
CHARGE = Step[ChargeRequest, Charged](
    name="charge_payment",
    prefix="pay",
    title="charge the customer",
    do=PaymentActivities.charge_payment,
    undo=PaymentActivities.refund_payment,
)
SHIP = Step[ShipmentRequest, Shipped](
    name="create_shipment",
    prefix="shp",
    title="book the shipment",
    do=ShippingActivities.create_shipment,
    undo=ShippingActivities.cancel_shipment,
    kind=Kind.PIVOT,
)
CONFIRM = Step[NotificationRequest, Confirmed](
    name="send_confirmation",
    prefix="msg",
    title="send the confirmation",
    do=NotificationActivities.send_confirmation,
    undo=NotificationActivities.recall_confirmation,
    kind=Kind.RETRIABLE,
)


def reservation(order: OrderInput) -> ReservationRequest:
    """What inventory is asked."""
    return ReservationRequest(reservation_id=f"rsv-{order.order_id}", order_id=order.order_id, items=_lines(order))


def charge(order: OrderInput) -> ChargeRequest:
    """What payment is asked."""
    payment_id = f"pay-{order.order_id}"
    return ChargeRequest(
        payment_id=payment_id,
        order_id=order.order_id,
        customer_id=order.customer_id,
        payment_method_id=order.payment_method_id,
        amount=order.total.amount,
        currency=order.currency,
        idempotency_key=payment_id,
    )


def shipment(order: OrderInput) -> ShipmentRequest:
    """What shipping is asked."""
    to = order.shipping_address
    address = ShipmentAddress(street=to.street, city=to.city, state=to.state, zip=to.zip_code, country=to.country)
    return ShipmentRequest(
        shipment_id=f"shp-{order.order_id}", order_id=order.order_id, address=address, items=_lines(order)
    )


def confirmation(order: OrderInput, tracking_number: str | None) -> NotificationRequest:
    """What notification is asked. An order without a mail address leaves it to the service to know the customer's.

    Of a shipment that a person has booked by hand nobody has told us the tracking number.
    """
    tracking = {"tracking_number": tracking_number} if tracking_number else {}
    return NotificationRequest(
        message_id=f"msg-{order.order_id}",
        order_id=order.order_id,
        to=order.email or f"customer:{order.customer_id}",
        template=Template.ORDER_CONFIRMATION,
        data={"total": str(order.total), **tracking},
    )


def saga_policy(policy: OrderPolicy) -> Policy:
    """An order's policy in the engine's terms."""
    return Policy(
        call_timeout=timedelta(seconds=policy.http_timeout),
        step_deadline=timedelta(seconds=policy.step_deadline),
        undo_patience=timedelta(seconds=policy.undo_patience),
        fast_path=timedelta(seconds=policy.fast_path),
    )


def _lines(order: OrderInput) -> list[ReservationLine]:
    return [ReservationLine(sku=item.sku, qty=item.quantity) for item in order.items]
