"""Made-up but deliverable addresses for customers of whom only the country is known."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources
from zlib import crc32

from ordersaga.domain.order import Address

_HOUSES = 99


def address_of(customer: str, country: str) -> Address | None:
    """An address for a customer in a country, by the till's name of it; None if the country is not in the table.

    The address depends only on the customer's id and the country, so every run gives the same one.
    """
    streets = streets_by_country().get(country)
    if not streets:
        return None
    house, street = divmod(crc32(customer.encode()), len(streets))
    chosen = streets[street]
    return chosen.model_copy(update={"street": chosen.street.format(house % _HOUSES + 1)})


@cache
def streets_by_country() -> dict[str, list[Address]]:
    """The table `places.csv`: addresses by the till's name of the country. {} stands for the house number."""
    streets: dict[str, list[Address]] = {}
    table = resources.files(__package__).joinpath("places.csv").read_text(encoding="utf-8")
    for place in csv.DictReader(table.splitlines()):
        country = place.pop("name")
        streets.setdefault(country, []).append(Address(country=place.pop("code"), **place))
    return streets
