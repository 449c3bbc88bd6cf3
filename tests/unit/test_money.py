"""Money is exact: every decimal is preserved, and totals are the sums of their lines."""

from __future__ import annotations

import json
from decimal import Decimal

import iso4217
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordersaga.domain.money import MAX_MINOR, Money, check_currency, exact_decimal, minor_digits, total

DIGITS = {"JPY": 0, "KRW": 0, "USD": 2, "EUR": 2, "KWD": 3, "BHD": 3}

currencies = st.sampled_from(sorted(DIGITS))
minors = st.integers(-MAX_MINOR, MAX_MINOR)
small_minors = st.integers(0, 10**6)
relaxed = settings(deadline=None)


def as_decimal(money: Money) -> Decimal:
    """The amount, computed in another way than Money's own."""
    return Decimal(money.minor).scaleb(-DIGITS[money.currency])


@pytest.mark.parametrize(("currency", "digits"), DIGITS.items())
def test_each_currency_has_the_decimals_of_iso_4217(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize("code", ["", "usd", "US", "ABC", "XAU", "XXX", "USD ", "$"])
def test_codes_that_are_not_money_are_not_currencies(code: str) -> None:
    with pytest.raises(ValueError, match="not an ISO 4217 currency"):
        check_currency(code)


def test_a_currency_keeps_its_decimals_when_it_leaves_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {each.value: each.exponent for each in iso4217.Currency if each.exponent is not None}
    monkeypatch.setattr(iso4217, "Currency", lambda code: int("none of " + code))
    minor_digits.cache_clear()
    try:
        assert {code: minor_digits(code) for code in known} == known
        with pytest.raises(ValueError, match="'USD' is not an ISO 4217 currency"):
            check_currency("USD")
        assert str(Money.parse("12", "KWD") + Money(1, "KWD")) == "12.001 KWD"
    finally:
        minor_digits.cache_clear()


@relaxed
@given(minors, currencies)
def test_an_amount_is_written_exactly(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Decimal(money.amount) == as_decimal(money)
    assert len(money.amount.partition(".")[2]) == DIGITS[currency]


@relaxed
@given(minors, currencies)
def test_what_is_written_is_read_back(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(money.amount, currency) == money
    assert Money.parse(as_decimal(money), currency) == money


@relaxed
@given(minors, currencies)
def test_a_json_number_is_read_exactly(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    text = f"[{money.amount}]"
    assert Money.parse(json.loads(text)[0], currency) == money
    assert Money.parse(json.loads(text, parse_float=Decimal)[0], currency) == money


@relaxed
@given(minors, currencies, st.integers(1, 15), st.integers(1, 9))
def test_more_decimals_than_the_currency_has_are_refused(minor: int, currency: str, zeros: int, last: int) -> None:
    point = "" if DIGITS[currency] else "."
    too_fine = f"{Money(minor, currency).amount}{point}{'0' * (zeros - 1)}{last}"
    with pytest.raises(ValueError, match=f"too many decimals: {currency} has {DIGITS[currency]}$"):
        Money.parse(too_fine, currency)


@relaxed
@given(st.lists(st.tuples(small_minors, st.integers(1, 100)), max_size=50), currencies)
def test_a_sum_is_the_sum_of_its_lines(lines: list[tuple[int, int]], currency: str) -> None:
    amounts = [Money(minor, currency) * quantity for minor, quantity in lines]
    assert total(amounts, currency).minor == sum(minor * quantity for minor, quantity in lines)
    assert as_decimal(total(amounts, currency)) == sum(map(as_decimal, amounts))


@relaxed
@given(small_minors, small_minors, currencies)
def test_the_minor_units_are_never_a_float(a: int, b: int, currency: str) -> None:
    one, other = Money(a, currency), Money(b, currency)
    for money in (one + other, one * 3, total([one, other], currency), Money.parse(float(a), currency)):
        assert type(money.minor) is int


@pytest.mark.parametrize(
    ("lines", "sum_"), [([0.1, 0.2], "0.30"), ([1.1, 2.2], "3.30"), ([0.07] * 100, "7.00"), ([19.99] * 3, "59.97")]
)
def test_sums_that_floats_get_wrong(lines: list[float], sum_: str) -> None:
    assert total((Money.parse(line, "USD") for line in lines), "USD").amount == sum_


@pytest.mark.parametrize(("number", "minor"), [(19.99, 1999), (1.15, 115), (4.35, 435), (8.2, 820), (5, 500), (0, 0)])
def test_numbers_that_a_float_cannot_hold_are_read_as_written(number: float, minor: int) -> None:
    assert Money.parse(number, "USD") == Money(minor, "USD")


@pytest.mark.parametrize(
    "value",
    [
        *(float("nan"), float("inf"), -float("inf"), Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity")),
        *(Decimal("1e400"), Decimal("1e999999999"), Decimal("1e-999999999"), 10**400, 10**5000, 1e300),
        *("", " ", "1,5", "1.", ".5", "+1", "1e2", "0x10", "NaN", "1_000", "\u0661", " 1", "1\n", "1.2.3", "--1"),
        *(True, False, None, [], {}, b"1", 1j),
    ],
    ids=lambda value: f"{type(value).__name__} {ascii(value)[:20]}" if not isinstance(value, int) else f"{bool(value)}",
)
def test_what_is_not_a_plain_decimal_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"is not a decimal amount|Exceeds the limit"):
        exact_decimal(value)


def test_a_float_in_minor_units_is_a_mistake_of_the_programmer() -> None:
    with pytest.raises(TypeError, match="whole number"):
        Money(19.99, "USD")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="whole number"):
        Money(True, "USD")
    with pytest.raises(TypeError, match="whole number"):
        Money(1, "USD") * 1.5  # type: ignore[operator]


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="cannot add EUR to USD"):
        Money(1, "USD") + Money(1, "EUR")


@pytest.mark.parametrize("minor", [MAX_MINOR + 1, -MAX_MINOR - 1])
def test_an_absurd_amount_is_refused_even_as_a_sum(minor: int) -> None:
    with pytest.raises(ValueError, match="over the limit"):
        Money(minor, "USD")
    with pytest.raises(ValueError, match="over the limit"):
        Money(MAX_MINOR, "USD") + Money(1, "USD")


def test_money_reads_well_in_a_message() -> None:
    assert [str(Money(1999, "USD")), str(Money(-5, "KWD")), str(Money(500, "JPY"))] == [
        "19.99 USD",
        "-0.005 KWD",
        "500 JPY",
    ]
