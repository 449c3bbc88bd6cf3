"""An order for tests without a server."""

from __future__ import annotations

from typing import Any

from ordersaga.domain.order import OrderInput, parse_order

_DOCUMENT: dict[str, Any] = {
    "order_id": "A-1",
    "customer_id": "customer-1",
    "items": [{"sku": "a", "quantity": 2, "price": "19.99"}, {"sku": "b", "quantity": 1, "price": "5.00"}],
    "shipping_address": {
        "street": "350 5th Ave",
        "city": "New York",
        "state": "NY",
        "zip_code": "10118",
        "country": "US",
    },
    "payment_method_id": "pm_card_visa",
    "currency": "EUR",
}


def order_of(**changes: Any) -> OrderInput:
    """Order A-1, of two lines for 44.98 EUR, with these fields replaced."""
    return parse_order(_DOCUMENT | changes)
