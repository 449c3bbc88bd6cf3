"""The shipping service: addresses, the parcel's states, and a cancellation that comes too late."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.services.api import Answer, Api
from tests.services.conftest import one_database
from tests.services.pairs import NEW_YORK, SHIPPING

GOOD = [
    ("1600 Amphitheatre Parkway", "Mountain View", "CA", "94043", "US"),
    ("10 Downing Street", "London", "", "SW1A 2AA", "GB"),
    ("Platz der Republik 1", "Berlin", "", "11011", "DE"),
    ("55 Rue du Faubourg Saint-Honoré", "Paris", "", "75008", "FR"),
    ("Binnenhof 1", "Den Haag", "", "2513 AA", "NL"),
    ("Calle de Bailén 2", "Madrid", "Madrid", "28071", "ES"),
    ("Piazza del Quirinale 1", "Roma", "RM", "00187", "IT"),
    ("24 Sussex Drive", "Ottawa", "ON", "K1M 1M4", "CA"),
    ("5 Adelaide Avenue", "Deakin", "ACT", "2600", "AU"),
    ("Rådhusplassen 1", "Oslo", "", "0037", "NO"),
    ("Kingsgatan 8", "Stockholm", "", "111 43", "SE"),
    ("Bundesplatz 3", "Bern", "", "3005", "CH"),
    ("Praça dos Três Poderes", "Brasília", "DF", "70150-900", "BR"),
    ("Merrion Street Upper", "Dublin", "", "", "IE"),
    ("1-7-1 Nagatacho", "Chiyoda-ku", "Tokyo", "100-8968", "JP"),
    ("1 Queen's Road", "Central", "Hong Kong Island", "", "HK"),
]
IMPOSSIBLE = [
    {"zip": "ABCDE"},
    {"zip": "1"},
    {"zip": ""},
    {"state": "Bavaria"},
    {"state": ""},
    {"country": "ZZ"},
    {"country": "GB", "state": "", "city": "London", "zip": "10001"},
    {"country": "DE", "state": "", "city": "Berlin", "zip": "1234"},
    {"country": "CA", "state": "ON", "city": "Ottawa", "zip": "90210"},
]


async def move(api: Api, order_id: str, state: str) -> Answer:
    """Have the carrier move the order's parcel."""
    return await api.post(f"/shipping/shipments/shp-{order_id}/events", {"state": state})


@pytest.mark.parametrize("address", GOOD, ids=[address[-1] for address in GOOD])
@one_database
async def test_real_addresses_are_shipped_to(api: Api, order_id: str, address: tuple[str, ...]) -> None:
    parts = dict(zip(("street", "city", "state", "zip", "country"), address, strict=True))
    answer = await SHIPPING.do(api, order_id, address=parts)
    assert answer.status == 201, answer


@pytest.mark.parametrize("wrong", IMPOSSIBLE, ids=[str(wrong) for wrong in IMPOSSIBLE])
@one_database
async def test_impossible_addresses_are_refused(api: Api, order_id: str, wrong: dict[str, str]) -> None:
    answer = await SHIPPING.do(api, order_id, address=NEW_YORK | wrong)
    assert (answer.status, answer.type) == (422, "UndeliverableAddress")
    assert await SHIPPING.states(api, order_id) == ["refused"]
    assert (await move(api, order_id, "shipped")).status == 409
    assert await SHIPPING.states(api, order_id) == ["refused"]


@pytest.mark.parametrize(
    "wrong",
    [{"street": ""}, {"city": "  "}, {"country": "USA"}, {"city": "New\u0000York"}, {"zip": 10001}, {"floor": "3"}],
)
@one_database
async def test_an_invalid_address_is_not_a_refusal_by_the_carrier(
    api: Api, order_id: str, wrong: dict[str, Any]
) -> None:
    answer = await SHIPPING.do(api, order_id, address=NEW_YORK | wrong)
    assert answer.status in (400, 422)
    assert answer.type != "IdempotencyMismatch"
    if answer.type != "UndeliverableAddress":
        assert (await SHIPPING.do(api, order_id)).status == 201, "a bad request takes no id"


async def test_a_shipment_has_a_tracking_number_of_its_own(api: Api, order_id: str) -> None:
    names = [f"{order_id}-{n}" for n in range(5)]
    answers = [await SHIPPING.do(api, name) for name in names]
    numbers = {answer.body["tracking_number"] for answer in answers}
    assert len(numbers) == 5
    assert all(isinstance(number, str) and number for number in numbers)
    (entry,) = await SHIPPING.entries(api, names[0])
    assert entry["tracking_number"] == answers[0].body["tracking_number"]
    assert entry["items"] == [{"sku": "mug", "qty": 2}]


async def test_a_parcel_goes_from_created_over_shipped_to_delivered(api: Api, order_id: str) -> None:
    await SHIPPING.do(api, order_id)
    for state in ("shipped", "delivered"):
        for _ in range(2):
            assert (await move(api, order_id, state)).status == 200
            assert await SHIPPING.states(api, order_id) == [state]


async def test_a_parcel_never_goes_back(api: Api, order_id: str) -> None:
    await SHIPPING.do(api, order_id)
    await move(api, order_id, "shipped")
    await move(api, order_id, "delivered")
    await move(api, order_id, "shipped")
    assert await SHIPPING.states(api, order_id) == ["delivered"]
    for state in ("created", "cancelled", "refused", "lost", "", None):
        answer = await api.post(f"/shipping/shipments/shp-{order_id}/events", {"state": state})
        assert answer.status in (400, 422), state
    assert await SHIPPING.states(api, order_id) == ["delivered"]


@pytest.mark.parametrize("state", ["shipped", "delivered"])
async def test_a_cancel_after_the_parcel_left_changes_nothing(api: Api, order_id: str, state: str) -> None:
    done = await SHIPPING.do(api, order_id)
    await move(api, order_id, "shipped")
    await move(api, order_id, state)
    before = await SHIPPING.entries(api, order_id)
    for _ in range(2):
        answer = await SHIPPING.undo_it(api, order_id)
        assert (answer.status, answer.type) == (409, "AlreadyShipped")
    assert await SHIPPING.entries(api, order_id) == before
    assert await SHIPPING.do(api, order_id) == done, "too late leaves no fence: the order is replayed forward"


async def test_a_cancelled_parcel_is_never_shipped(api: Api, order_id: str) -> None:
    await SHIPPING.do(api, order_id)
    assert await SHIPPING.undo_it(api, order_id) == SHIPPING.undone_answer
    for state in ("shipped", "delivered"):
        assert (await move(api, order_id, state)).status == 409
    assert await SHIPPING.states(api, order_id) == ["cancelled"]


async def test_what_was_never_booked_cannot_be_moved(api: Api, order_id: str) -> None:
    assert (await move(api, order_id, "shipped")).status == 404
    await SHIPPING.undo_it(api, order_id)
    assert (await move(api, order_id, "shipped")).status == 404
    assert await SHIPPING.entries(api, order_id) == []


async def test_shipping_and_cancelling_at_once_do_one_of_them(api: Api, order_id: str) -> None:
    names = [f"{order_id}-{n}" for n in range(15)]
    await asyncio.gather(*(SHIPPING.do(api, name) for name in names))
    calls = [call for name in names for call in (move(api, name, "shipped"), SHIPPING.undo_it(api, name))]
    answers = await asyncio.gather(*calls)
    for name, moved, undone in zip(names, answers[::2], answers[1::2], strict=True):
        assert (moved.status, undone.status) in ((200, 409), (409, 200))
        assert await SHIPPING.states(api, name) == ["shipped" if moved.status == 200 else "cancelled"]
