"""Validation of orders: the original examples are accepted, and invalid orders are rejected with the field's path."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordersaga.domain.errors import InvalidOrder
from ordersaga.domain.money import Money
from ordersaga.domain.order import MAX_LINES, MAX_ORDER_BYTES, MAX_QUANTITY, OrderInput, OrderPolicy, parse_order

ORDER: dict[str, Any] = {
    "order_id": "A-1",
    "customer_id": "ada",
    "items": [{"sku": "TEA-1", "quantity": 2, "price": 19.99}, {"sku": "MUG-7", "quantity": 1, "price": 5}],
    "shipping_address": {
        "street": "1 Main St",
        "city": "Springfield",
        "state": "IL",
        "zip_code": "62701",
        "country": "US",
    },
    "payment_method_id": "pm_card_visa",
}
"""An order with the original fields only."""


def changed(path: str, value: Any) -> dict[str, Any]:
    """ORDER with the value at a path such as "items.0.price" replaced."""
    order: dict[str, Any] = json.loads(json.dumps(ORDER))
    *way, last = path.split(".")
    place: Any = order
    for part in way:
        place = place[int(part) if part.isdigit() else part]
    place[last] = value
    return order


def problems(source: str | bytes | Mapping[str, Any]) -> dict[str, str]:
    """The problems of an order, by path."""
    with pytest.raises(InvalidOrder) as caught:
        parse_order(source)
    assert str(caught.value).endswith("Nothing was started.")
    return dict(caught.value.problems)


def test_the_seeds_order_is_read_unchanged() -> None:
    for source in (ORDER, json.dumps(ORDER), json.dumps(ORDER).encode()):
        order = parse_order(source)
        assert order.items[0].price == Decimal("19.99")
        assert (order.currency, order.email, order.policy) == ("USD", None, None)
        assert order.total == Money(4498, "USD")


@pytest.mark.parametrize("price", ["19.99", "19.990", 19.99, Decimal("19.99")])
def test_a_price_may_be_a_string_or_a_number(price: object) -> None:
    assert parse_order(changed("items.0.price", price)).same_content(parse_order(ORDER))


@pytest.mark.parametrize(
    ("currency", "price", "total"), [("JPY", "500", "1005 JPY"), ("kwd", "0.125", "5.250 KWD"), ("EUR", 0, "5.00 EUR")]
)
def test_the_total_is_in_the_orders_currency(currency: str, price: object, total: str) -> None:
    assert str(parse_order(changed("items.0.price", price) | {"currency": currency}).total) == total


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("order_id", "", "pattern"),
        ("order_id", "../x", "pattern"),
        ("order_id", "a b", "pattern"),
        ("order_id", "A\n", "pattern"),
        ("order_id", "x" * 101, "at most 100"),
        ("order_id", 7, "valid string"),
        ("customer_id", "  ", "at least 1"),
        ("customer_id", "a\x00b", "control characters"),
        ("customer_id", "\ud800", "valid"),
        ("items", [], "at least 1"),
        ("items", None, "valid list"),
        ("items.0.sku", "", "pattern"),
        ("items.0.quantity", 0, "greater than or equal to 1"),
        ("items.0.quantity", -1, "greater than or equal to 1"),
        ("items.0.quantity", MAX_QUANTITY + 1, f"less than or equal to {MAX_QUANTITY}"),
        ("items.0.quantity", 1.5, "valid integer"),
        ("items.0.quantity", "2", "valid integer"),
        ("items.0.quantity", True, "valid integer"),
        ("items.0.price", -1, "greater than or equal to 0"),
        ("items.0.price", "free", "not a decimal amount"),
        ("items.0.price", float("nan"), "not a decimal amount"),
        ("items.0.price", 1e300, "not a decimal amount"),
        ("items.0.price", True, "not a decimal amount"),
        ("items.0.price", None, "not a decimal amount"),
        ("currency", "ABC", "not an ISO 4217 currency"),
        ("currency", "XAU", "not an ISO 4217 currency"),
        ("currency", "", "pattern"),
        ("email", "ada", "not an email address"),
        ("email", "a@b, c@d", "not an email address"),
        ("email", "a\x00b@c.example", "not an email address"),
        ("shipping_address", "here", "valid dictionary"),
        ("shipping_address.street", "", "at least 1"),
        ("shipping_address.street", "x" * 201, "at most 200"),
        ("shipping_address.city", "a\nb", "control characters"),
        ("shipping_address.country", "USA", "pattern"),
        ("payment_method_id", "", "at least 1"),
        ("policy", {"fast_path": -1}, ""),
        ("coupon", "X", "extra inputs are not permitted"),
    ],
)
def test_bad_input_is_refused_by_its_path(path: str, value: object, message: str) -> None:
    found = problems(changed(path, value))
    (where,) = found
    assert where.replace("[", ".").replace("]", "").startswith(path)
    assert message in found[where]


@pytest.mark.parametrize("field", ["order_id", "customer_id", "items", "shipping_address", "payment_method_id"])
def test_what_is_missing_is_named(field: str) -> None:
    assert problems({name: value for name, value in ORDER.items() if name != field}) == {field: "field required"}


@pytest.mark.parametrize(
    ("currency", "price"), [("USD", 19.999), ("USD", "0.001"), ("JPY", 1.5), ("KWD", "1.2345"), ("USD", 1e-7)]
)
def test_a_price_of_the_wrong_scale_names_its_line(currency: str, price: object) -> None:
    (message,) = problems(changed("items.0.price", price) | {"currency": currency}).values()
    assert message.startswith("items[0].price: ")
    assert f"too many decimals: {currency} has " in message


def test_every_problem_is_named_at_once() -> None:
    order = changed("items.0.quantity", 0) | {"customer_id": "", "colour": "red"}
    assert set(problems(order)) == {"items[0].quantity", "customer_id", "colour"}


def test_a_message_stays_short_however_much_is_wrong() -> None:
    lines = [{"sku": "", "quantity": 0, "price": "x" * 5_000, "y" * 5_000: 1}] * MAX_LINES
    with pytest.raises(InvalidOrder) as caught:
        parse_order(ORDER | {"items": lines})
    assert len(str(caught.value)) < 10_000
    assert str(caught.value).endswith(f"; and {4 * MAX_LINES - 20} more. Nothing was started.")


def test_an_order_of_nothing_is_not_charged() -> None:
    assert "nothing to charge" in problems(ORDER | {"items": [{"sku": "A", "quantity": 1, "price": "0"}]})[""]


def test_an_absurd_total_is_refused() -> None:
    assert (
        "over the limit" in problems(ORDER | {"items": [{"sku": "A", "quantity": 100_000, "price": "999999999"}]})[""]
    )


@pytest.mark.parametrize("path", ["items.0.quantity", "items.0.price"])
def test_an_order_made_by_hand_is_refused_in_the_same_way(path: str) -> None:
    with pytest.raises(InvalidOrder, match="order A-1 is not valid"):
        OrderInput(**changed(path, -1))
    with pytest.raises(InvalidOrder, match="order A-1 is not valid"):
        OrderInput.model_validate_json(json.dumps(changed(path, 0.001)))


def test_the_refusal_names_the_order_and_survives_a_pickle() -> None:
    with pytest.raises(InvalidOrder, match="order A-1 is not valid") as caught:
        parse_order(changed("items.0.quantity", 0))
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert (str(again), again.problems) == (str(caught.value), caught.value.problems)


@pytest.mark.parametrize("lines", [1, 675, MAX_LINES])
def test_a_long_order_is_an_order(lines: int) -> None:
    order = parse_order(ORDER | {"items": [{"sku": f"S-{n}", "quantity": 1, "price": "0.01"} for n in range(lines)]})
    assert order.total.minor == lines


def test_a_longer_order_is_refused() -> None:
    assert "at most 1000" in problems(ORDER | {"items": ORDER["items"] * MAX_LINES})["items"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ('{"order_id": ', "not JSON"),
        (b"\xff\xfe\xfa", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"a":' * 100_000, "not JSON"),
        ("null", "valid dictionary"),
        ("[]", "valid dictionary"),
        ("7", "valid dictionary"),
        (" " * (MAX_ORDER_BYTES + 1), "limit is 1,000,000"),
    ],
    ids=lambda value: ascii(value[:12]),
)
def test_input_that_is_not_an_order_is_refused(text: str | bytes, message: str) -> None:
    assert message in problems(text)[""]


@pytest.mark.parametrize(
    "number",
    [
        "1e400",
        "-1e400",
        "1e999999999",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "NaN",
        "Infinity",
        "1" * 5_000,
        "1." + "1" * 5_000,
    ],
)
def test_a_number_that_is_not_an_amount_is_refused(number: str) -> None:
    problems(json.dumps(changed("items.0.price", "PRICE")).replace('"PRICE"', number))


def test_the_policy_is_how_and_not_what() -> None:
    order = parse_order(ORDER)
    assert order.same_content(parse_order(ORDER | {"policy": {"fast_path": 0}}))
    assert not order.same_content(parse_order(ORDER | {"customer_id": "eve"}))
    assert not order.same_content(parse_order(changed("items.0.quantity", 3)))


def test_an_order_does_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse_order(ORDER).customer_id = "eve"  # type: ignore[misc]


expected_text = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
prices = st.decimals(min_value=0, max_value=10**5, places=2)  # eight lines of a thousand are below the maximum amount
items = st.fixed_dictionaries(
    {"sku": st.from_regex(r"[A-Z0-9]{1,12}", fullmatch=True), "quantity": st.integers(1, 1000), "price": prices}
)
addresses = st.fixed_dictionaries(
    {"street": expected_text, "city": expected_text, "country": st.sampled_from(["US", "de", "JP"])},
    optional={"state": expected_text, "zip_code": st.from_regex(r"[0-9]{5}", fullmatch=True)},
)
orders = st.fixed_dictionaries(
    {
        "order_id": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,30}", fullmatch=True),
        "customer_id": expected_text,
        "items": st.lists(items, min_size=1, max_size=8).filter(lambda lines: any(line["price"] for line in lines)),
        "shipping_address": addresses,
        "payment_method_id": expected_text,
    },
    optional={
        "currency": st.sampled_from(["USD", "eur", "KWD"]),
        "email": st.just("ada@example.com"),
        "policy": st.builds(OrderPolicy, hold_before_shipping=st.floats(0, 100)).map(OrderPolicy.model_dump),
    },
)


@settings(deadline=None, max_examples=60)
@given(orders)
def test_an_order_goes_through_json_unchanged(source: dict[str, Any]) -> None:
    order = parse_order(source)
    again = parse_order(order.model_dump_json())
    assert again == order
    assert OrderInput.model_validate_json(order.model_dump_json()) == order
    assert all(isinstance(line["price"], str) for line in json.loads(order.model_dump_json())["items"])
    assert Decimal(again.total.amount) == sum(line["price"] * line["quantity"] for line in source["items"])


# -- the fingerprint


def test_the_fingerprint_of_an_order_never_changes() -> None:
    """It owns the effects in the services' records, so another version must compute the same."""
    assert parse_order(ORDER).fingerprint == "1-282450b9e8e09f57c6c77a5ed8cf5ec0f0a9e138"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("order_id", "A-2"),
        ("customer_id", "bob"),
        ("items.0.sku", "TEA-2"),
        ("items.0.quantity", 3),
        ("items.0.price", "19.98"),
        ("shipping_address.street", "2 Main St"),
        ("shipping_address.state", ""),
        ("payment_method_id", "pm_card_mastercard"),
        ("currency", "EUR"),
        ("email", "ada@example.com"),
    ],
)
def test_every_field_of_the_request_is_in_the_fingerprint(path: str, value: Any) -> None:
    order, other = parse_order(ORDER), parse_order(changed(path, value))
    assert order.fingerprint != other.fingerprint
    assert not order.same_content(other)


def test_a_changed_copy_has_a_fingerprint_of_its_own() -> None:
    order = parse_order(ORDER)
    assert order.fingerprint
    other = order.model_copy(update={"customer_id": "bob"})
    assert other.fingerprint == parse_order(ORDER | {"customer_id": "bob"}).fingerprint != order.fingerprint


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("items.0.price", "19.990"),
        ("items.1.price", "5.00"),
        ("customer_id", " ada "),
        ("currency", "usd"),
        ("policy", {"hold_before_shipping": 5}),
        ("email", None),
    ],
)
def test_how_it_is_written_and_its_policy_are_not(path: str, value: Any) -> None:
    order, other = parse_order(ORDER), parse_order(changed(path, value))
    assert order.fingerprint == other.fingerprint
    assert order.same_content(other)
