"""What Temporal is asked for a list of orders: nothing that a caller writes gets out of its quotation marks."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from ordersaga.domain.result import OrderFilter, OrderStatus
from ordersaga.endings.listing import list_query

TEXTS = st.text(alphabet=st.sampled_from("ab'\"\\ O=R-;%_"), max_size=12)


@given(TEXTS, st.none() | st.sampled_from(OrderStatus), st.booleans())
def test_a_customer_id_ends_no_string(customer: str, status: OrderStatus | None, searchable: bool) -> None:
    query = list_query(OrderFilter(status, customer), searchable)
    harmless = list_query(OrderFilter(status, "x"), searchable)
    strings = r"OrderCustomer (=|STARTS_WITH) '[^'\"\\]*'"
    assert re.sub(strings, "", query).removesuffix(" AND ") == re.sub(strings, "", harmless).removesuffix(" AND ")


def test_a_plain_customer_id_is_looked_up() -> None:
    assert list_query(OrderFilter(customer_id="ada"), True).endswith("OrderCustomer = 'ada'")
    assert list_query(OrderFilter(customer_id="O'Brien"), True).endswith("OrderCustomer STARTS_WITH 'O'")
    assert "OrderCustomer" not in list_query(OrderFilter(customer_id="'x"), True)
