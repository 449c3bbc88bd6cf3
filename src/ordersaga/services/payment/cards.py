"""Stripe's test payment methods that are declined. Every other payment method succeeds.

Source: https://docs.stripe.com/testing#declined-payments and https://docs.stripe.com/declines/codes.
"""

from __future__ import annotations

import re

from ordersaga.domain.money import check_currency

_DECLINED = re.compile(r"(?:pm_card|tok)_(?:[A-Za-z]+_)?chargeDeclined([A-Za-z]*)", re.ASCII)

_CODES = {
    "": "generic_decline",
    "ExpiredCard": "expired_card",
    "FraudDetected": "fraudulent",
    "Fraudulent": "fraudulent",
    "IncorrectCvc": "incorrect_cvc",
    "InsufficientFunds": "insufficient_funds",
    "LostCard": "lost_card",
    "ProcessingError": "processing_error",
    "StolenCard": "stolen_card",
    "VelocityLimitExceeded": "card_velocity_exceeded",
}
_OTHERS = {
    "pm_card_chargeCustomerFail": "generic_decline",
    "pm_card_radarBlock": "fraudulent",
    "tok_chargeCustomerFail": "generic_decline",
    "tok_radarBlock": "fraudulent",
}


def decline_code(payment_method_id: str, currency: str) -> str | None:
    """Stripe's decline code for this payment method, or None if it succeeds and the currency exists."""
    try:
        check_currency(currency)
    except ValueError:
        return "currency_not_supported"
    if found := _DECLINED.fullmatch(payment_method_id):
        return _CODES.get(found[1], "generic_decline")
    return _OTHERS.get(payment_method_id)
