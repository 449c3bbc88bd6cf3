"""Formats money for customers, as is usual in the country that the parcel goes to."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages
from babel.numbers import format_currency, format_decimal

from ordersaga.domain.money import Money, exact_decimal

PLAIN = Locale("en")


@cache
def locale_of(country: str) -> Locale:
    """The locale of a country's first official language; English if none is known."""
    for language in get_official_languages(country, de_facto=True):
        try:
            return Locale(language, territory=country)
        except UnknownLocaleError:
            continue
    return PLAIN


def in_format(money: Money, country: str | None = None) -> str:
    """An amount with its currency in the country's format: 1.234,50 € in Germany."""
    locale = locale_of(country) if country else PLAIN
    return format_currency(Decimal(money.amount), money.currency, locale=locale)


def figures(amount: str) -> str:
    """A decimal string with thousands separators and all its decimals: 1,234.50. Other text is returned unchanged."""
    try:
        value = exact_decimal(amount)
    except ValueError:
        return amount
    _, _, decimals = amount.partition(".")
    return format_decimal(value, format="#,##0" + ("." + "0" * len(decimals) if decimals else ""), locale=PLAIN)
