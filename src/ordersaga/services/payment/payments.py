"""Charge and refund. Each function runs in one transaction."""

from __future__ import annotations

from ordersaga.contracts.payment import (
    ChargeAnswer,
    ChargeRequest,
    PaymentEntry,
    PaymentEvent,
    PaymentState,
    RefundAnswer,
    RefundRequest,
    RefundStatus,
)
from ordersaga.domain.errors import InvalidTransition, PaymentDeclined
from ordersaga.domain.money import Money
from ordersaga.services.kit.answer import Answer, refusal, reply
from ordersaga.services.kit.fence import forget_undo
from ordersaga.services.kit.paged_table import PagedTable
from ordersaga.services.kit.store import Row, Transaction, now
from ordersaga.services.payment.cards import decline_code

_INSERT = """
INSERT INTO payment (payment_id, order_id, customer_id, payment_method_id, idempotency_key, state, amount_minor,
    currency, decline_code, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_REFUND = """
UPDATE payment SET state = 'refunded', refunded_minor = amount_minor, refund_reason = ?, refunds = refunds + 1,
    refund_failed_at = NULL
WHERE payment_id = ? AND state = 'captured'
"""
_REFUND_FAILED = """
UPDATE payment SET state = 'captured', refunded_minor = 0, refund_failed_at = ? WHERE payment_id = ?
"""


def _entry(row: Row) -> PaymentEntry:
    return PaymentEntry(
        payment_id=row["payment_id"],
        order_id=row["order_id"],
        state=row["state"],
        amount=Money(row["amount_minor"], row["currency"]).amount,
        refunded=Money(row["refunded_minor"], row["currency"]).amount,
        currency=row["currency"],
        created_at=row["created_at"],
        refunds=row["refunds"],
        refund_failed_at=row["refund_failed_at"],
    )


TABLE = PagedTable(
    "SELECT seq, payment_id, order_id, state, amount_minor, refunded_minor, currency, created_at, refunds, "
    "refund_failed_at FROM payment",
    "payment_id",
    _entry,
)
NOTHING = reply(RefundAnswer(status=RefundStatus.NOTHING_TO_REFUND))


async def charge(tx: Transaction, request: ChargeRequest) -> Answer:
    """Charge the amount, or decline. A declined payment is stored too."""
    code = decline_code(request.payment_method_id, request.currency)
    money = request.money
    await tx.execute(
        _INSERT,
        request.payment_id,
        request.order_id,
        request.customer_id,
        request.payment_method_id,
        request.idempotency_key,
        PaymentState.DECLINED if code else PaymentState.CAPTURED,
        money.minor,
        money.currency,
        code,
        now(),
    )
    if code:
        error = PaymentDeclined(f"The card was declined ({code}). Nothing was charged.")
        return refusal(error, decline_code=code)
    return reply(ChargeAnswer(payment_id=request.payment_id, amount=money.amount), 201)


async def refund(tx: Transaction, request: RefundRequest) -> Answer:
    """Refund all of a captured payment."""
    if await tx.execute(_REFUND, request.reason, request.payment_id):
        return reply(RefundAnswer(status=RefundStatus.REFUNDED))
    return NOTHING


async def refund_failed(tx: Transaction, payment_id: str, event: PaymentEvent) -> PaymentEntry:
    """Record that a refund has failed, once, so that it can be repeated. Raises InvalidTransition, NotFound."""
    payment = await TABLE.find(tx, payment_id, lock="wait")
    if event.refund < payment.refunds or (event.refund == payment.refunds and payment.refund_failed_at is not None):
        return payment
    if event.refund > payment.refunds:
        raise InvalidTransition(
            f"{payment_id} was refunded {payment.refunds} times; there is no refund {event.refund}. Nothing changed."
        )
    await tx.execute(_REFUND_FAILED, now(), payment_id)
    await forget_undo(tx, payment_id)
    return await TABLE.find(tx, payment_id)
