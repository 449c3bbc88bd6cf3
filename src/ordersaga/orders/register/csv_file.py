"""Orders as CSV (RFC 4180), with a header and one line per order. The API, the dashboard and the CLI use it."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from ordersaga.contracts.register import OrderEntry
from ordersaga.orders.register.orders import summary_of

COLUMNS = (
    *("order_id", "status", "customer_id", "email", "amount", "currency", "accepted_at", "ended_at"),
    *("tracking_number", "refusal", "error"),
)
FILE_NAME = "orders.csv"
MEDIA_TYPE = "text/csv"
_PIECE = 1 << 16
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet may execute a cell that begins like this (OWASP, CSV injection)."""


async def csv_of(entries: AsyncIterator[OrderEntry]) -> AsyncIterator[str]:
    """Yield the file in chunks of many lines.

    Raises what `entries` raises: half a file must not look like a whole one.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    async for entry in entries:
        writer.writerow(map(_cell, _values(entry)))
        if text.tell() >= _PIECE:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _values(entry: OrderEntry) -> tuple[str | None, ...]:
    return (
        entry.order_id,
        summary_of(entry).status,
        entry.customer_id,
        entry.email,
        entry.amount,
        entry.currency,
        _time(entry.accepted_at),
        _time(entry.ended_at),
        entry.tracking_number,
        entry.refusal,
        entry.error,
    )


def _cell(value: str | None) -> str:
    text = value or ""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
