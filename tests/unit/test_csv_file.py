"""The CSV file of a list: it conforms to RFC 4180, holds nothing that a spreadsheet executes, and is never cut off."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordersaga.contracts.register import EndingState, OrderEntry
from ordersaga.domain.errors import ServiceUnavailable
from ordersaga.domain.result import OrderStatus
from ordersaga.orders.register import csv_file
from ordersaga.orders.register.csv_file import COLUMNS, csv_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENTRY = OrderEntry(
    order_id="A-1",
    owner="o",
    customer_id="ada",
    amount="44.98",
    currency="USD",
    task_queue="orders",
    state=EndingState.OPEN,
    status=OrderStatus.PENDING,
    accepted_at=NOON,
)


async def entries(*changes: dict[str, Any], then: Exception | None = None) -> AsyncIterator[OrderEntry]:
    for change in changes:
        yield ENTRY.model_copy(update=change)
    if then is not None:
        raise then


async def file_of(*changes: dict[str, Any]) -> str:
    return "".join([piece async for piece in csv_of(entries(*changes))])


async def test_a_list_without_orders_is_a_header() -> None:
    assert await file_of() == ",".join(COLUMNS) + "\r\n"


async def test_each_order_is_a_line() -> None:
    ended = {"status": OrderStatus.FAILED, "ended_at": NOON, "refusal": "PaymentDeclined", "error": "declined"}
    text = await file_of({}, {"email": "a@b.example", "tracking_number": "TRK-1", **ended})
    at = "2026-03-01T12:00:00.000Z"
    assert text.splitlines()[1:] == [
        f"A-1,processing,ada,,44.98,USD,{at},,,,",
        f"A-1,failed,ada,a@b.example,44.98,USD,{at},{at},TRK-1,PaymentDeclined,declined",
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", '=HYPERLINK("x","y")'])
async def test_no_cell_is_a_formula(text: str) -> None:
    (_, row) = csv.reader(io.StringIO(await file_of({"customer_id": text, "error": text}), newline=""))
    assert (row[COLUMNS.index("customer_id")], row[COLUMNS.index("error")]) == (f"'{text}", f"'{text}")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
async def test_whatever_is_in_a_cell_stays_in_it(text: str) -> None:
    _, row = csv.reader(io.StringIO(await file_of({"error": text}), newline=""), strict=True)
    assert row[COLUMNS.index("error")].removeprefix("'") == text.removeprefix("'")
    assert row[:3] == ["A-1", "processing", "ada"]


async def test_a_long_list_comes_in_pieces_and_a_broken_one_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "_PIECE", 200)
    orders = [{"order_id": f"A-{number}"} for number in range(50)]
    pieces = [piece async for piece in csv_of(entries(*orders))]
    assert len(pieces) > 10
    assert [line.split(",")[0] for line in "".join(pieces).splitlines()[1:]] == [each["order_id"] for each in orders]
    with pytest.raises(ServiceUnavailable):
        [piece async for piece in csv_of(entries(*orders, then=ServiceUnavailable()))]
