"""Bugs in the requests to the services and in reading their answers. Each function plants one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from temporalio import activity

from ordersaga.contracts.inventory import ReservationRequest
from ordersaga.contracts.notification import NotificationRequest
from ordersaga.contracts.payment import ChargeAnswer, ChargeRequest
from ordersaga.contracts.shipping import CancelShipmentAnswer, CancelStatus
from ordersaga.domain.errors import AlreadyShipped, PaymentDeclined
from ordersaga.orders.service_clients import InventoryClient, NotificationClient, PaymentClient, ShippingClient

Planted = AbstractContextManager[object]

_charge, _cancel = PaymentClient.charge, ShippingClient.cancel


def _ask(client: type, method: str, change: Callable[[Any], Any]) -> Planted:
    """Send another request to a service."""
    right = getattr(client, method)

    async def call(self: Any, request: Any, timeout: float) -> Any:
        return await right(self, change(request), timeout)

    return patch.object(client, method, call)


def charge_in_floats() -> Planted:
    """Convert the amount to cents with float arithmetic."""

    def change(request: ChargeRequest) -> ChargeRequest:
        cents = int(float(request.amount) * 100)
        return request.model_copy(update={"amount": f"{cents / 100:.2f}"})

    return _ask(PaymentClient, "charge", change)


def charge_two_decimals() -> Planted:
    """Assume two decimals for every currency, because the provider counts in the smallest unit."""

    def change(request: ChargeRequest) -> ChargeRequest:
        amount = request.amount if "." in request.amount else f"{request.amount}00"
        return request.model_copy(update={"amount": amount})

    return _ask(PaymentClient, "charge", change)


def charge_under_the_attempt() -> Planted:
    """Put the attempt into the charge's id, so that a retry is another charge."""

    def change(request: ChargeRequest) -> ChargeRequest:
        return request.model_copy(update={"payment_id": _with_attempt(request.payment_id)})

    return _ask(PaymentClient, "charge", change)


def charge_under_the_run() -> Planted:
    """Put the run's id into the charge's id, so that a reset run charges again."""

    def change(request: ChargeRequest) -> ChargeRequest:
        payment_id = f"{request.payment_id}-{activity.info().workflow_run_id}"
        return request.model_copy(update={"payment_id": payment_id})

    return _ask(PaymentClient, "charge", change)


def mail_under_the_attempt() -> Planted:
    """Put the attempt into the email's id, so that a retry is another email."""

    def change(request: NotificationRequest) -> NotificationRequest:
        return request.model_copy(update={"message_id": _with_attempt(request.message_id)})

    return _ask(NotificationClient, "send", change)


def reserve_by_sku() -> Planted:
    """Put the lines into a dict by SKU, so that the last line of a SKU wins."""

    def change(request: ReservationRequest) -> ReservationRequest:
        by_sku = {line.sku: line for line in request.items}
        return request.model_copy(update={"items": list(by_sku.values())})

    return _ask(InventoryClient, "reserve", change)


def ignore_too_late() -> Planted:
    """Log the carrier's 409, and treat the shipment as cancelled."""

    async def cancel(self: ShippingClient, shipment_id: str, owner: str, timeout: float) -> CancelShipmentAnswer:
        try:
            return await _cancel(self, shipment_id, owner, timeout)
        except AlreadyShipped:
            return CancelShipmentAnswer(status=CancelStatus.CANCELLED)

    return patch.object(ShippingClient, "cancel", cancel)


def never_look_at_the_status() -> Planted:
    """Read the answer without checking its status: a declined card looks like a charge."""

    async def charge(self: PaymentClient, request: ChargeRequest, timeout: float) -> ChargeAnswer:
        try:
            return await _charge(self, request, timeout)
        except PaymentDeclined:
            return ChargeAnswer(payment_id=request.payment_id)

    return patch.object(PaymentClient, "charge", charge)


def _with_attempt(effect_id: str) -> str:
    attempt = activity.info().attempt
    return effect_id if attempt == 1 else f"{effect_id}-{attempt}"
