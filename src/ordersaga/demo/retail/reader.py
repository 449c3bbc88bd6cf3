"""Reads the till's file: one order for each invoice, and every rejected line."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ordersaga.demo.retail.addresses import address_of
from ordersaga.demo.retail.lines import COLUMNS, CURRENCY, GoodLine, Reason, RejectedLine, read_line, split
from ordersaga.domain.errors import InvalidOrder, OrdersagaError
from ordersaga.domain.order import OrderInput, parse_order

PAYMENT_METHOD = "pm_card_visa"


class RetailFileError(OrdersagaError):
    """The file is not an export of the till. Nothing was imported."""


@dataclass(frozen=True, slots=True)
class RetailOrder:
    """An order made from an invoice. `lines` are the line numbers of its items, in order."""

    order: OrderInput
    lines: tuple[int, ...]


def read_retail_file(path: Path) -> Iterator[RetailOrder | RejectedLine]:
    """Read a file like `read_retail`. Also raises RetailFileError if the file cannot be opened or read."""
    try:
        with path.open("rb") as lines:
            yield from read_retail(lines)
    except OSError as error:
        raise RetailFileError(
            f"{path} cannot be read: {error.strerror or error}. No more orders were created."
        ) from error


def read_retail(lines: Iterable[bytes]) -> Iterator[RetailOrder | RejectedLine]:
    """Turn the till's lines, starting with the header, into orders. Yields orders and rejected lines lazily.

    Every line after the header is in exactly one order or is rejected once. Only one invoice is held in memory, so its
    lines must be consecutive, apart from rejected lines; a line that comes after the next invoice has started is
    rejected. Raises RetailFileError if the header is missing or different.
    """
    numbered = enumerate(lines, 1)
    _check_header(next(numbered, (1, b""))[1])
    invoice: list[GoodLine] = []
    closed: set[str] = set()
    for number, raw in numbered:
        line = read_line(number, raw)
        if isinstance(line, RejectedLine):
            yield line
        elif line.invoice in closed:
            yield line.rejected(Reason.OUT_OF_PLACE, f"invoice {line.invoice} has ended before this line")
        elif invoice and line.invoice != invoice[0].invoice:
            closed.add(invoice[0].invoice)
            yield from _close(invoice)
            invoice = [line]
        elif invoice and (difference := _difference(invoice[0], line)):
            yield line.rejected(Reason.DIFFERS, difference)
        else:
            invoice.append(line)
    yield from _close(invoice)


def stock_needed(orders: Iterable[OrderInput]) -> dict[str, int]:
    """How many pieces of each SKU the orders need in total."""
    needed: Counter[str] = Counter()
    for order in orders:
        needed.update(order.pieces)  # adding two counters copies them, and a file has thousands of SKUs
    return dict(needed)


def _check_header(raw: bytes) -> None:
    wanted = f"The first line must be {','.join(COLUMNS)}. Nothing was imported."
    if not raw.strip():
        raise RetailFileError(f"The file or its first line is empty. {wanted}")
    try:
        found = split(raw.removeprefix(codecs.BOM_UTF8))
    except ValueError as error:
        raise RetailFileError(f"The file's first line is unreadable: {error}. {wanted}") from None
    if tuple(found) != COLUMNS:
        raise RetailFileError(f"The file has different columns: {','.join(found)[:200]}. {wanted}")


def _difference(first: GoodLine, line: GoodLine) -> str | None:
    if line.customer != first.customer:
        return f"customer {line.customer} differs from invoice {line.invoice}'s, {first.customer}"
    if line.country != first.country:
        return f"country {line.country} differs from invoice {line.invoice}'s, {first.country}"
    return None


def _close(invoice: list[GoodLine]) -> Iterator[RetailOrder | RejectedLine]:
    if not invoice:
        return
    try:
        yield RetailOrder(_order(invoice), tuple(line.line for line in invoice))
    except InvalidOrder as error:
        for line in invoice:
            yield line.rejected(Reason.NOT_ALLOWED, str(error))


def _order(invoice: list[GoodLine]) -> OrderInput:
    first = invoice[0]
    address = address_of(first.customer, first.country)
    return parse_order(
        {
            "order_id": first.invoice,
            "customer_id": first.customer,
            "email": f"{first.customer}@customers.example",
            "currency": CURRENCY,
            "payment_method_id": PAYMENT_METHOD,
            "shipping_address": address and address.model_dump(),
            "items": [line.item.model_dump() for line in invoice],
        }
    )
