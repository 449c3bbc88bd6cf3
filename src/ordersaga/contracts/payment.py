"""The payment service's contract: charges and refunds."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from ordersaga.contracts.common import Amount, DoRequest, EffectId, Entry, Owner, Reply, Request
from ordersaga.domain.money import Money
from ordersaga.domain.order import CurrencyCode, OrderId
from ordersaga.domain.text import Printable, clean


class PaymentState(StrEnum):
    """The state of a payment."""

    AUTHORISED = "authorised"
    CAPTURED = "captured"
    VOIDED = "voided"
    REFUNDED = "refunded"
    DECLINED = "declined"


class ChargeRequest(DoRequest):
    """POST /charges. `amount` has exactly as many decimals as `currency`."""

    substance: ClassVar[frozenset[str]] = frozenset({"amount", "currency"})

    payment_id: EffectId
    order_id: OrderId
    customer_id: Annotated[str, StringConstraints(min_length=1, max_length=128), Printable]
    payment_method_id: Annotated[str, StringConstraints(min_length=1, max_length=255), Printable]
    amount: Amount
    currency: CurrencyCode
    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=255), Printable]

    @model_validator(mode="after")
    def _is_money(self) -> ChargeRequest:
        if self.money.minor <= 0:
            raise ValueError("amount: must be more than zero")
        return self

    @property
    def money(self) -> Money:
        """The amount as money."""
        return Money.parse(self.amount, self.currency)


class ChargeAnswer(Reply):
    """201 to POST /charges. A service may report the charged amount, which must be the requested one."""

    payment_id: str
    amount: Amount | None = None


def _readable(text: str) -> str:
    """Remove control characters instead of rejecting them: a refund must not wait for the wording of its reason."""
    return clean(text)


class RefundRequest(Request):
    """POST /refunds: refund all of a payment, once, however often it is requested."""

    payment_id: EffectId
    owner: Owner | None = None
    reason: Annotated[str, Field(max_length=1_000), AfterValidator(_readable)] = ""


class RefundStatus(StrEnum):
    """The result of a refund."""

    REFUNDED = "refunded"
    NOTHING_TO_REFUND = "nothing_to_refund"


class RefundAnswer(Reply):
    """200 to POST /refunds."""

    status: RefundStatus


class PaymentEventState(StrEnum):
    """What a provider reports about a payment later."""

    REFUND_FAILED = "refund_failed"


class PaymentEvent(Request):
    """POST /payments/{id}/events: a refund that was made has failed later, so the shop has the money again.

    `refund` is the number of the refund, counted from 1. An event about a refund before the last one changes nothing.
    """

    state: PaymentEventState
    refund: Annotated[int, Field(ge=1)] = 1


class PaymentEntry(Entry):
    """One payment. `refunded` is the refunded part of `amount`, and `refunds` the number of refunds.

    `refund_failed_at` is when the last refund failed, if it did: the payment is then `captured` again.
    """

    payment_id: str
    state: PaymentState
    amount: Amount
    refunded: Amount
    currency: str
    refunds: int = 0
    refund_failed_at: datetime | None = None
