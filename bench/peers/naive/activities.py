"""The naive saga's activities: each call opens an HTTP client of its own and closes it.

The bodies are those that the services' contract asks for: ids named after the order, the shipment's items.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import httpx
from temporalio import activity
from temporalio.exceptions import ApplicationError

from bench.peers.naive.models import Address, OrderItem
from ordersaga.settings import load_settings

Wire = dict[str, Any]


@cache
def _urls() -> dict[str, str]:
    return load_settings().service_urls()


async def _call(service: str, method: str, path: str, body: Wire | None, timeout: float) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.request(method, _urls()[service] + path, json=body, timeout=timeout)


def _refuse(message: str, kind: str) -> ApplicationError:
    return ApplicationError(message, type=kind, non_retryable=True)


def _lines(items: list[OrderItem]) -> list[Wire]:
    return [{"sku": item.sku, "qty": item.quantity} for item in items]


@activity.defn
async def reserve_inventory(order_id: str, items: list[OrderItem]) -> str:
    """Reserve all lines."""
    activity.logger.info("reserving stock for order %s", order_id)
    body = {"reservation_id": f"rsv-{order_id}", "order_id": order_id, "items": _lines(items)}
    response = await _call("inventory", "POST", "/reservations", body, 30)
    if response.status_code == 409:
        raise _refuse("Insufficient inventory", "InsufficientInventory")
    response.raise_for_status()
    reservation_id: str = response.json()["reservation_id"]
    return reservation_id


@activity.defn
async def release_inventory(reservation_id: str) -> None:
    """Undo a reservation."""
    activity.logger.info("releasing reservation %s", reservation_id)
    response = await _call("inventory", "DELETE", f"/reservations/{reservation_id}", None, 30)
    if response.status_code != 404:
        response.raise_for_status()


@activity.defn
async def charge_payment(order_id: str, customer_id: str, payment_method_id: str, amount: float) -> str:
    """Charge the total, in dollars. It is a float, and here rounded: the service refuses 0.1 + 0.2 dollars."""
    activity.logger.info("charging %s for order %s", amount, order_id)
    body = {
        "payment_id": f"pay-{order_id}",
        "order_id": order_id,
        "customer_id": customer_id,
        "payment_method_id": payment_method_id,
        "amount": round(amount, 2),
        "currency": "USD",
        "idempotency_key": f"order-{order_id}",
    }
    response = await _call("payment", "POST", "/charges", body, 60)
    if response.status_code == 402:
        raise _refuse("Payment declined", "PaymentDeclined")
    response.raise_for_status()
    payment_id: str = response.json()["payment_id"]
    return payment_id


@activity.defn
async def refund_payment(payment_id: str) -> None:
    """Undo a charge."""
    activity.logger.info("refunding payment %s", payment_id)
    body = {"payment_id": payment_id, "reason": "order_cancelled"}
    (await _call("payment", "POST", "/refunds", body, 60)).raise_for_status()


@activity.defn
async def create_shipment(order_id: str, address: Address, items: list[OrderItem]) -> dict[str, str]:
    """Book a shipment. An address that cannot be delivered to counts as a fault."""
    activity.logger.info("booking a shipment for order %s", order_id)
    to = {
        "street": address.street,
        "city": address.city,
        "state": address.state,
        "zip": address.zip_code,
        "country": address.country,
    }
    body = {"shipment_id": f"shp-{order_id}", "order_id": order_id, "address": to, "items": _lines(items)}
    response = await _call("shipping", "POST", "/shipments", body, 30)
    response.raise_for_status()
    answer = response.json()
    return {"shipment_id": answer["shipment_id"], "tracking_number": answer["tracking_number"]}


@activity.defn
async def cancel_shipment(shipment_id: str) -> None:
    """Undo a shipment. If the parcel has left, the log says so, and nothing else does."""
    activity.logger.info("cancelling shipment %s", shipment_id)
    response = await _call("shipping", "POST", f"/shipments/{shipment_id}/cancel", None, 30)
    if response.status_code == 409:
        activity.logger.warning("shipment %s has left", shipment_id)
    elif response.status_code != 404:
        response.raise_for_status()


@activity.defn
async def send_confirmation(customer_id: str, order_id: str, tracking: str) -> None:
    """Send the confirmation."""
    activity.logger.info("confirming order %s", order_id)
    body = {
        "message_id": f"msg-{order_id}",
        "order_id": order_id,
        "to": f"customer:{customer_id}",
        "template": "order_confirmation",
        "data": {"tracking_number": tracking},
    }
    (await _call("notification", "POST", "/notifications", body, 30)).raise_for_status()


ACTIVITIES: list[Callable[..., Any]] = [
    reserve_inventory,
    release_inventory,
    charge_payment,
    refund_payment,
    create_shipment,
    cancel_shipment,
    send_confirmation,
]
