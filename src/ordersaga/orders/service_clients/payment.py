"""The payment service's client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

from ordersaga.contracts.payment import (
    ChargeAnswer,
    ChargeRequest,
    PaymentEntry,
    PaymentEvent,
    RefundAnswer,
    RefundRequest,
)
from ordersaga.domain.errors import InvalidTransition, NotFound, PaymentDeclined, ServiceFault
from ordersaga.orders.service_clients.http import ServiceHttp


class PaymentClient:
    """Charges and refunds. Timeouts are in seconds."""

    def __init__(self, http: ServiceHttp) -> None:
        self._http = http

    async def charge(self, request: ChargeRequest, timeout: float) -> ChargeAnswer:
        """Charge once, however often it is called.

        Raises PaymentDeclined, NotYours, Fenced, IdempotencyMismatch, ServiceFault.
        """
        answer = await self._http.call(
            "POST", "/charges", request, {201: ChargeAnswer}, timeout=timeout, refusals=(PaymentDeclined,)
        )
        if answer.payment_id != request.payment_id:
            raise ServiceFault(f"payment answered for {answer.payment_id}, not {request.payment_id}")
        if answer.amount is not None and Decimal(answer.amount) != Decimal(request.amount):
            raise ServiceFault(f"payment answered that it charged {answer.amount}, not {request.amount}")
        return answer

    async def refund(self, request: RefundRequest, timeout: float) -> RefundAnswer:
        """Refund all of a payment once, if it exists, and reject one that arrives later.

        Raises NotYours, ServiceFault.
        """
        return await self._http.call("POST", "/refunds", request, {200: RefundAnswer}, timeout=timeout)

    async def report(self, payment_id: str, event: PaymentEvent, timeout: float) -> PaymentEntry:
        """Report a later event from the payment provider. Raises InvalidTransition, NotFound, ServiceFault."""
        path, refusals = f"/payments/{payment_id}/events", (InvalidTransition, NotFound)
        return await self._http.call("POST", path, event, {200: PaymentEntry}, timeout=timeout, refusals=refusals)

    def payments(self, **filters: str) -> AsyncIterator[PaymentEntry]:
        """All payments, those of one order_id, or those with refund_failed. Raises ServiceUnavailable."""
        return self._http.rows("/payments", PaymentEntry, **filters)
