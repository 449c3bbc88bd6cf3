"""Parses one line of the till's file, or says why it cannot be part of an order."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from ordersaga.demo.retail.addresses import streets_by_country
from ordersaga.domain.money import Money
from ordersaga.domain.order import OrderItem, describe_problems

CURRENCY = "GBP"
COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
ABSURD_QUANTITY = 5_000
ABSURD_PRICE = Money(1_000_00, CURRENCY)
"""A larger quantity or a higher unit price is taken to be an input error."""

NO_GOODS = frozenset(
    [
        "ADJUST",
        "ADJUST2",
        "AMAZONFEE",
        "B",
        "BANK CHARGES",
        "C2",
        "CRUK",
        "D",
        "DOT",
        "M",
        "POST",
        "S",
        "TEST001",
        "TEST002",
    ]
)
"""Stock codes that the till uses for postage, fees, discounts, samples and corrections, which do not ship."""

_VOUCHER = re.compile(r"GIFT_.*", re.IGNORECASE)
_INVOICE = re.compile(r"[A-Za-z0-9]{1,40}", re.ASCII)
_CUSTOMER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,40}", re.ASCII)
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)


class Reason(StrEnum):
    """Why a line was rejected."""

    UNREADABLE = "unreadable"
    CANCELLED = "cancelled invoice"
    NO_GOODS = "no goods"
    QUANTITY = "quantity zero or below"
    PRICE = "price zero or below"
    ABSURD = "absurd"
    NO_CUSTOMER = "no customer"
    COUNTRY = "unknown country"
    DIFFERS = "differs from its invoice"
    OUT_OF_PLACE = "out of place"
    NOT_ALLOWED = "not allowed in an order"


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line that is in no order. `line` counts from 1, including the header; `text` is the unchanged line."""

    line: int
    reason: Reason
    detail: str
    text: str
    invoice: str | None = None

    def __str__(self) -> str:
        return f"line {self.line}: {self.detail}"


@dataclass(frozen=True, slots=True)
class GoodLine:
    """A line that can be part of an order."""

    line: int
    text: str
    invoice: str
    item: OrderItem
    customer: str
    country: str

    def rejected(self, reason: Reason, detail: str) -> RejectedLine:
        """Reject this line after all."""
        return RejectedLine(self.line, reason, detail, self.text, self.invoice)


class _Rejection(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def read_line(number: int, raw: bytes) -> GoodLine | RejectedLine:
    """Parse one line on its own, so that an open quote affects no other line. The first problem is reported."""
    text, invoice = raw.decode(errors="backslashreplace").rstrip("\r\n"), None
    try:
        fields = _fields(raw)
        invoice = fields["InvoiceNo"] or None
        _check_invoice(fields["InvoiceNo"])
        _check_goods(fields["StockCode"], fields["Description"])
        item = _item(fields["StockCode"], _quantity(fields["Quantity"]), _price(fields["UnitPrice"]))
        customer, country = _customer(fields["CustomerID"]), _country(fields["Country"])
    except _Rejection as rejection:
        return RejectedLine(number, rejection.reason, rejection.detail, text, invoice)
    return GoodLine(number, text, fields["InvoiceNo"], item, customer, country)


def split(raw: bytes) -> list[str]:
    """A line's fields, stripped. Raises ValueError if the line is not UTF-8 or not CSV."""
    try:
        fields = next(csv.reader([raw.decode().rstrip("\r\n")], strict=True), [])
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except csv.Error as error:
        raise ValueError(str(error)) from None
    return [field.strip() for field in fields]


def _fields(raw: bytes) -> dict[str, str]:
    try:
        fields = split(raw)
    except ValueError as error:
        raise _Rejection(Reason.UNREADABLE, f"unreadable: {error}") from None
    if len(fields) != len(COLUMNS):
        raise _Rejection(Reason.UNREADABLE, f"unreadable: it has {len(fields)} columns instead of {len(COLUMNS)}")
    return dict(zip(COLUMNS, fields, strict=True))


def _check_invoice(number: str) -> None:
    if not _INVOICE.fullmatch(number):
        raise _Rejection(Reason.UNREADABLE, f"unreadable: {_quoted(number)} is not an invoice number")
    if number.upper().startswith("C"):
        raise _Rejection(Reason.CANCELLED, f"cancelled invoice {number}")


def _check_goods(code: str, description: str) -> None:
    if code.upper() in NO_GOODS or _VOUCHER.fullmatch(code):
        raise _Rejection(Reason.NO_GOODS, f"{_quoted(code)} is no goods ({description[:40]})")


def _quantity(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _Rejection(Reason.UNREADABLE, f"unreadable: the quantity {_quoted(text)} is not a whole number")
    quantity = int(text)
    if quantity <= 0:
        raise _Rejection(Reason.QUANTITY, f"quantity {quantity}")
    if quantity > ABSURD_QUANTITY:
        raise _Rejection(Reason.ABSURD, f"absurd: quantity {quantity:,}, more than {ABSURD_QUANTITY:,}")
    return quantity


def _price(text: str) -> Money:
    try:
        price = Money.parse(text, CURRENCY)
    except ValueError as error:
        raise _Rejection(Reason.UNREADABLE, f"unreadable: the unit price: {error}") from None
    if price.minor <= 0:
        raise _Rejection(Reason.PRICE, f"unit price {price}")
    if price.minor > ABSURD_PRICE.minor:
        raise _Rejection(Reason.ABSURD, f"absurd: unit price {price}, more than {ABSURD_PRICE}")
    return price


def _item(sku: str, quantity: int, price: Money) -> OrderItem:
    try:
        return OrderItem.model_validate({"sku": sku, "quantity": quantity, "price": price.amount})
    except ValidationError as error:
        problems = describe_problems(error)
        raise _Rejection(Reason.NOT_ALLOWED, f"not allowed in an order: {problems}") from None


def _customer(text: str) -> str:
    if not text:
        raise _Rejection(Reason.NO_CUSTOMER, "no customer")
    if not _CUSTOMER.fullmatch(text):
        raise _Rejection(Reason.UNREADABLE, f"unreadable: {_quoted(text)} is not a customer's id")
    return text


def _country(name: str) -> str:
    if name not in streets_by_country():
        raise _Rejection(Reason.COUNTRY, f"no address is known for the country {_quoted(name)}")
    return name


def _quoted(text: str) -> str:
    return repr(text[:40])
