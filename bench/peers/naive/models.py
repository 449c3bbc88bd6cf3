"""The naive saga's data: plain dataclasses, prices as floats, for Temporal's default data converter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OrderStatus(StrEnum):
    """Where an order stands. A StrEnum, because the default converter cannot write a plain Enum."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    COMPENSATING = "compensating"


@dataclass
class OrderItem:
    """One line of an order."""

    sku: str
    quantity: int
    price: float


@dataclass
class Address:
    """Where the parcel goes."""

    street: str
    city: str
    state: str
    zip_code: str
    country: str


@dataclass
class OrderInput:
    """An order."""

    order_id: str
    customer_id: str
    items: list[OrderItem]
    shipping_address: Address
    payment_method_id: str


@dataclass
class OrderResult:
    """How an order ended."""

    order_id: str
    status: OrderStatus
    reservation_id: str | None = None
    payment_id: str | None = None
    shipment_id: str | None = None
    tracking_number: str | None = None
    error: str | None = None
