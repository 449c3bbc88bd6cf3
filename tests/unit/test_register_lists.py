"""The register's queries for lists, and cursors: each belongs to its list, and corrupted ones are rejected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordersaga.domain.errors import InvalidCursor, InvalidRequest
from ordersaga.domain.result import OrderFilter, OrderStatus
from ordersaga.orders.register.lists import cursor_of, filters_of, position_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADAS = OrderFilter(customer_id="ada")


def test_every_filter_reaches_the_register() -> None:
    wanted = OrderFilter(
        status=OrderStatus.FAILED,
        customer_id="O'Brien",
        placed_after=NOON,
        placed_before=NOON + timedelta(days=1),
        search="web-",
        email="ada@example.com",
        sku="MUG-BLUE",
        tracking_number="TRK-1",
        currency="usd",
        min_amount="5",
        max_amount="7.5",
        needs_attention=False,
    )
    asked = filters_of(wanted)
    assert asked is not None
    assert asked.model_dump(exclude_none=True) == {
        "status": OrderStatus.FAILED,
        "customer_id": "O'Brien",
        "placed_after": NOON - timedelta(microseconds=1),  # the register's bound is exclusive
        "placed_before": NOON + timedelta(days=1),
        "search": "web-",
        "email": "ada@example.com",
        "sku": "MUG-BLUE",
        "tracking_number": "TRK-1",
        "currency": "USD",
        "min_amount": "5.00",
        "max_amount": "7.50",
        "attention": False,
    }


@pytest.mark.parametrize("text", ["_", "-a", "a b", "a\n", "'", "x" * 101])
def test_what_no_order_is_like_is_not_asked_for(text: str) -> None:
    assert filters_of(OrderFilter(search=text)) is None
    assert filters_of(OrderFilter(status=OrderStatus.PENDING)) is None


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"min_amount": "5"}, "min_amount: an amount needs a currency"),
        ({"max_amount": "5.001", "currency": "USD"}, "max_amount: 5.001 has too many decimals: USD has 2"),
        ({"max_amount": "-5", "currency": "USD"}, "max_amount"),
        ({"max_amount": "many", "currency": "USD"}, "max_amount: 'many' is not a decimal amount"),
        ({"currency": "dollar"}, "currency"),
        ({"email": "a\0b"}, "email: contains control characters"),
        ({"sku": ""}, "sku"),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_named(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRequest, match="Nothing was listed") as refused:
        filters_of(OrderFilter(**fields))
    assert str(refused.value).startswith(problem)


@pytest.mark.parametrize("hours", [-14, 0, 14])
@pytest.mark.parametrize("day", [(1, 1, 1, 0), (9999, 12, 31, 23)], ids=["first", "last"])
def test_the_ends_of_the_calendar_are_times(day: tuple[int, int, int, int], hours: int) -> None:
    at = datetime(*day, tzinfo=timezone(timedelta(hours=hours)))
    assert filters_of(OrderFilter(placed_after=at, placed_before=at)) is not None


def test_a_time_without_a_zone_is_utc() -> None:
    asked = filters_of(OrderFilter(placed_before=NOON.replace(tzinfo=None)))
    assert asked is not None
    assert asked.placed_before == NOON


@given(st.text(st.characters(codec="ascii"), min_size=1))
def test_a_cursor_leads_to_its_place_in_its_list_only(position: str) -> None:
    cursor = cursor_of(position, ADAS)
    assert position_of(cursor, ADAS) == position
    for other in (OrderFilter(), OrderFilter(customer_id="bob"), OrderFilter(customer_id="ada", sku="MUG")):
        with pytest.raises(InvalidCursor):
            position_of(cursor, other)


@given(st.text())
def test_an_invalid_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        position_of(cursor, ADAS)
