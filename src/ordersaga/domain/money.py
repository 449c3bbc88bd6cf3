"""Money: a whole number of a currency's minor units, never a float."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext
from functools import cache

import iso4217

MAX_MINOR = 10**12
"""The largest amount, in minor units. Far below 2**53, so any JSON parser reads it exactly."""

_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


_USUAL_DIGITS = 2
_UNUSUAL_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Decimals of the currencies that do not have two, from ISO 4217. Currencies leave the standard's table, but stored
amounts in them must stay readable."""


@cache
def minor_digits(currency: str) -> int:
    """How many decimals an amount in this currency has (ISO 4217: JPY 0, USD 2, KWD 3).

    A currency that has left the ISO table keeps its former decimals; an unknown one has two.
    """
    exponent = _exponent(currency)
    return _UNUSUAL_DIGITS.get(currency, _USUAL_DIGITS) if exponent is None else exponent


def check_currency(currency: str) -> None:
    """Raise ValueError unless this is a current ISO 4217 currency that can be paid with (not gold, not XXX)."""
    if _exponent(currency) is None:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency, such as USD, EUR or JPY")


def _exponent(currency: str) -> int | None:
    try:
        return iso4217.Currency(currency).exponent
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Money:
    """An amount: `minor` units of `currency` (ISO 4217 code). 19.99 USD is Money(1999, "USD")."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError("an amount is a whole number of minor units")
        if abs(self.minor) > MAX_MINOR:
            raise ValueError(f"an amount of {self.minor} minor units is over the limit of {MAX_MINOR}")

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Zero, in this currency."""
        return cls(0, currency)

    @classmethod
    def parse(cls, value: str | int | float | Decimal, currency: str) -> Money:
        """Read a decimal amount exactly.

        A float is read as the shortest decimal that represents it, which is what the JSON text contained. Raises
        ValueError if the amount is not a plain decimal or has more decimals than the currency.
        """
        digits = minor_digits(currency)
        amount = exact_decimal(value)
        with localcontext(prec=40):
            minor = amount.scaleb(digits)
            if minor != minor.to_integral_value():
                raise ValueError(f"{value} has too many decimals: {currency} has {digits}")
        return cls(int(minor), currency)

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.minor + other.minor, self.currency)

    def __mul__(self, quantity: int) -> Money:
        if type(quantity) is not int:
            raise TypeError("an amount can be multiplied only by a whole number")
        return Money(self.minor * quantity, self.currency)

    @property
    def amount(self) -> str:
        """The amount as a decimal string with the currency's decimals, such as "19.99". All APIs use this format."""
        digits = minor_digits(self.currency)
        sign, figures = ("-" if self.minor < 0 else ""), str(abs(self.minor)).rjust(digits + 1, "0")
        return f"{sign}{figures[:-digits]}.{figures[-digits:]}" if digits else f"{sign}{figures}"

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of amounts in one currency; zero if there are none."""
    return sum(amounts, Money.zero(currency))


def json_number(text: str) -> Decimal:
    """Read a JSON number with a decimal point or an exponent exactly. For `parse_float` of the json module.

    Raises ValueError if the exponent is too large for a Decimal, as in 1e99999999999999999999.
    """
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text[:40]} is out of range") from None


def exact_decimal(value: object) -> Decimal:
    """Read a decimal string or a JSON number exactly. Raises ValueError for anything else, including NaN and 1e400."""
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        # Writing out 1e999999999 would fill the memory.
        value = f"{value:f}" if abs(value.adjusted()) < 40 else str(value)
    elif isinstance(value, int):
        value = str(value)
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError(f"{str(value)[:40]!r} is not a decimal amount such as '19.99'")
    return Decimal(value)
