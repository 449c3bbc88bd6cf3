"""Addresses for customers of whom only the country is known: invented, deliverable, and always the same."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources
from zlib import crc32

from ordersaga.domain.order import Address

_HOUSES = 99


def address_of(customer: str, country: str) -> Address | None:
    """The address of a customer in a country, named as the till names it; None for a country that is not in the table.

    The customer's id alone decides among the country's streets and house numbers, so every run gives the same.
    """
    streets = streets_by_country().get(country)
    if not streets:
        return None
    house, street = divmod(crc32(customer.encode()), len(streets))
    chosen = streets[street]
    return chosen.model_copy(update={"street": chosen.street.format(house % _HOUSES + 1)})


@cache
def streets_by_country() -> dict[str, list[Address]]:
    """The table `places.csv`: addresses by the till's name of the country, with {} where the house number goes."""
    streets: dict[str, list[Address]] = {}
    table = resources.files(__package__).joinpath("places.csv").read_text(encoding="utf-8")
    for place in csv.DictReader(table.splitlines()):
        country = place.pop("name")
        streets.setdefault(country, []).append(Address(country=place.pop("code"), **place))
    return streets
