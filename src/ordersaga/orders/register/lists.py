"""The register's queries for lists of orders, and the cursors that callers hold between pages."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import astuple
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from ordersaga.contracts.register import OrderFilters
from ordersaga.domain.errors import InvalidCursor, InvalidRequest
from ordersaga.domain.money import Money
from ordersaga.domain.order import SAFE_ID, describe_problems
from ordersaga.domain.result import OrderFilter, OrderStatus

_CHECKSUM_BYTES = 9
_LONGEST_ID = 100
_MOMENT = timedelta(microseconds=1)
"""The resolution of the register's time. The bounds of its time ranges are exclusive."""


def filters_of(wanted: OrderFilter) -> OrderFilters | None:
    """The register's query for these orders, or None if no list can contain any. Raises InvalidRequest."""
    if wanted.status is OrderStatus.PENDING or not _may_begin_an_id(wanted.search or "any"):
        return None  # in a list, an order is `processing` from the moment it is placed
    try:
        return OrderFilters(
            status=wanted.status,
            attention=wanted.needs_attention,
            customer_id=wanted.customer_id,
            email=wanted.email,
            sku=wanted.sku,
            tracking_number=wanted.tracking_number,
            search=wanted.search or None,
            currency=wanted.currency,
            min_amount=_amount("min_amount", wanted.min_amount, wanted.currency),
            max_amount=_amount("max_amount", wanted.max_amount, wanted.currency),
            placed_after=_just_before(wanted.placed_after) if wanted.placed_after else None,
            placed_before=_utc(wanted.placed_before) if wanted.placed_before else None,
        )
    except ValidationError as error:
        raise InvalidRequest(_problem_text(describe_problems(error))) from None


def cursor_of(position: str, wanted: OrderFilter) -> str:
    """The cursor of what follows a position in the register's list of these orders."""
    token = position.encode()
    return base64.urlsafe_b64encode(_checksum(token, wanted) + token).decode().rstrip("=")


def position_of(cursor: str, wanted: OrderFilter) -> str:
    """The position of a cursor. Raises InvalidCursor."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        checksum, token = raw[:_CHECKSUM_BYTES], raw[_CHECKSUM_BYTES:]
        position = token.decode()
    except (binascii.Error, ValueError):
        raise InvalidCursor from None
    if not position or checksum != _checksum(token, wanted):
        raise InvalidCursor
    return position


def _may_begin_an_id(text: str) -> bool:
    return len(text) <= _LONGEST_ID and re.fullmatch(SAFE_ID, text) is not None


def _amount(name: str, amount: str | None, currency: str | None) -> str | None:
    if amount is None:
        return None
    if currency is None:
        raise InvalidRequest(_problem_text(f"{name}: an amount needs a currency"))
    try:
        return Money.parse(amount, currency.upper()).amount
    except ValueError as error:
        raise InvalidRequest(_problem_text(f"{name}: {error}")) from None


def _problem_text(problem: str) -> str:
    return f"{problem}. Nothing was listed."


def _just_before(at: datetime) -> datetime | None:
    try:
        return _utc(at) - _MOMENT
    except OverflowError:  # the beginning of the calendar; everything is later
        return None


def _utc(at: datetime) -> datetime:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:  # within hours of the year 1 or 9999, when nothing was placed
        return at.replace(tzinfo=UTC)


def _checksum(token: bytes, wanted: OrderFilter) -> bytes:
    """The checksum of a cursor. It rejects a cursor that is used with another filter.

    It is not a signature and does not have to be one: a forged cursor only gives another position in a list that the
    caller may see anyway.
    """
    return hashlib.sha256(repr(astuple(wanted)).encode("utf-8", "backslashreplace") + token).digest()[:_CHECKSUM_BYTES]
