"""The inventory service: stock, and reservations that take all their lines or none."""

from __future__ import annotations

import asyncio

import pytest

from tests.services.api import Answer, Api, Json
from tests.services.conftest import stock_balances
from tests.services.pairs import INVENTORY, sku_of


def lines(**quantities: int) -> list[Json]:
    """Reservation lines."""
    return [{"sku": sku, "qty": qty} for sku, qty in quantities.items()]


async def reserve(api: Api, order_id: str, *items: Json) -> Answer:
    """Reserve these lines for the order."""
    return await INVENTORY.do(api, order_id, items=list(items))


async def consume(api: Api, order_id: str) -> Answer:
    """Report that the order's goods have left the warehouse."""
    return await api.post(f"/inventory/reservations/rsv-{order_id}/events", {"state": "consumed"})


async def levels(api: Api, sku: str) -> tuple[int, int, int, int]:
    """loaded, on hand, reserved and shipped of a SKU."""
    item = await api.stock(sku)
    return item["loaded"], item["on_hand"], item["reserved"], item["shipped"]


async def test_a_reservation_takes_all_its_lines(api: Api, order_id: str) -> None:
    a, b = f"{order_id}-a", f"{order_id}-b"
    await api.load(**{a: 5, b: 7})
    assert await reserve(api, order_id, *lines(**{a: 2, b: 7})) == Answer(201, {"reservation_id": f"rsv-{order_id}"})
    assert (await levels(api, a), await levels(api, b)) == ((5, 3, 2, 0), (7, 0, 7, 0))
    entry = (await api.get(f"/inventory/reservations/rsv-{order_id}")).body
    assert (entry["order_id"], entry["state"]) == (order_id, "held")
    assert entry["items"] == lines(**{a: 2, b: 7})


async def test_one_short_line_refuses_them_all_and_every_shortage_is_listed(api: Api, order_id: str) -> None:
    enough, short, unknown = (f"{order_id}-{name}" for name in ("enough", "short", "unknown"))
    await api.load(**{enough: 5, short: 1})
    answer = await reserve(api, order_id, *lines(**{enough: 5, short: 3, unknown: 2}))
    assert (answer.status, answer.type) == (409, "InsufficientInventory")
    assert answer.body["shortages"] == [
        {"sku": short, "wanted": 3, "available": 1},
        {"sku": unknown, "wanted": 2, "available": 0},
    ]
    assert (await levels(api, enough), await levels(api, short)) == ((5, 5, 0, 0), (1, 1, 0, 0))
    assert (await api.get(f"/inventory/stock/{unknown}")).status == 404


async def test_two_lines_of_one_sku_add_up(api: Api, order_id: str) -> None:
    sku = sku_of(order_id)
    await api.load(**{sku: 5})
    twice = [{"sku": sku, "qty": 3}, {"sku": sku, "qty": 3}]
    answer = await reserve(api, order_id, *twice)
    assert answer.body["shortages"] == [{"sku": sku, "wanted": 6, "available": 5}]
    assert (await reserve(api, f"{order_id}-2", {"sku": sku, "qty": 3}, {"sku": sku, "qty": 2})).status == 201
    assert await levels(api, sku) == (5, 0, 5, 0)
    await api.ask("DELETE", f"/inventory/reservations/rsv-{order_id}-2")
    assert await levels(api, sku) == (5, 5, 0, 0)


async def test_the_longest_reservation_is_taken(api: Api, order_id: str) -> None:
    skus = [f"{order_id}-{n}".ljust(64, "x") for n in range(1_000)]
    await api.load(**dict.fromkeys(skus, 100_000))
    answer = await reserve(api, order_id, *({"sku": sku, "qty": 100_000} for sku in skus))
    assert answer.status == 201
    assert await levels(api, skus[-1]) == (100_000, 0, 100_000, 0)


async def test_sixty_at_once_never_oversell(api: Api, order_id: str) -> None:
    sku = sku_of(order_id)
    await api.load(**{sku: 25})
    asked = [reserve(api, f"{order_id}-{n}", {"sku": sku, "qty": 1}) for n in range(60)]
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status for answer in answers) == [201] * 25 + [409] * 35
    assert await levels(api, sku) == (25, 0, 25, 0)


async def test_reservations_with_crossed_lines_do_not_lock_each_other_out(api: Api, order_id: str) -> None:
    a, b = f"{order_id}-a", f"{order_id}-b"
    await api.load(**{a: 20, b: 20})
    orders = [(f"{order_id}-{n}", lines(**({a: 1, b: 1} if n % 2 else {b: 1, a: 1}))) for n in range(20)]
    answers = await asyncio.gather(*(reserve(api, name, *items) for name, items in orders))
    assert [answer.status for answer in answers] == [201] * 20
    assert (await levels(api, a), await levels(api, b)) == ((20, 0, 20, 0), (20, 0, 20, 0))


async def test_what_is_released_can_be_reserved_again(api: Api, order_id: str) -> None:
    sku = sku_of(order_id)
    await api.load(**{sku: 2})
    await reserve(api, order_id, {"sku": sku, "qty": 2})
    assert (await reserve(api, f"{order_id}-2", {"sku": sku, "qty": 2})).status == 409
    await api.ask("DELETE", f"/inventory/reservations/rsv-{order_id}")
    assert (await reserve(api, f"{order_id}-3", {"sku": sku, "qty": 2})).status == 201


async def test_loading_stock_twice_adds_nothing(api: Api, order_id: str) -> None:
    sku = sku_of(order_id)
    for _ in range(2):
        assert (await api.put(f"/inventory/stock/{sku}", {"loaded": 10})).status == 200
        assert await levels(api, sku) == (10, 10, 0, 0)
    for _ in range(2):
        await api.load(**{sku: 12, f"{sku}-b": 3})
        assert await levels(api, sku) == (12, 12, 0, 0)
    assert await levels(api, f"{sku}-b") == (3, 3, 0, 0)


async def test_stock_cannot_fall_below_what_is_promised(api: Api, order_id: str) -> None:
    sku = sku_of(order_id)
    await api.load(**{sku: 10})
    await reserve(api, order_id, {"sku": sku, "qty": 3})
    await reserve(api, f"{order_id}-2", {"sku": sku, "qty": 2})
    await consume(api, f"{order_id}-2")
    assert (await api.put(f"/inventory/stock/{sku}", {"loaded": 4})).status in range(400, 500)
    assert (await api.put("/inventory/stock", {f"{sku}-b": 3, sku: 4})).status in range(400, 500)
    assert await levels(api, sku) == (10, 5, 3, 2)
    assert (await api.get(f"/inventory/stock/{sku}-b")).status == 404, "many SKUs are loaded together or not at all"
    assert (await api.put(f"/inventory/stock/{sku}", {"loaded": 5})).status == 200
    assert await levels(api, sku) == (5, 0, 3, 2)


@pytest.mark.parametrize("sku", ["a b", "shelf/7", "85123A", "x:y.z_w-v"])
async def test_a_sku_may_have_what_skus_have(api: Api, order_id: str, sku: str) -> None:
    sku = f"{order_id}{sku}"
    path = "/inventory/stock/" + sku.replace(" ", "%20").replace("/", "%2F")
    assert (await api.put(path, {"loaded": 3})).status == 200
    assert (await api.get(path)).body["sku"] == sku
    assert (await reserve(api, order_id, {"sku": sku, "qty": 1})).status == 201
    assert [item["reserved"] for item in await api.books("/inventory/stock", sku=sku)] == [1]


async def test_consumed_goods_are_shipped_and_stay_so(api: Api, order_id: str) -> None:
    sku = sku_of(order_id)
    await api.load(**{sku: 5})
    done = await reserve(api, order_id, {"sku": sku, "qty": 2})
    for _ in range(2):
        assert (await consume(api, order_id)).status == 200
        assert await levels(api, sku) == (5, 3, 0, 2)
    assert await reserve(api, order_id, {"sku": sku, "qty": 2}) == done
    undo = await api.ask("DELETE", f"/inventory/reservations/rsv-{order_id}")
    assert undo.status in (204, 409), "goods that left cannot come back by an undo"
    assert await levels(api, sku) == (5, 3, 0, 2)
    assert await INVENTORY.states(api, order_id) == ["consumed"]


async def test_only_held_goods_can_be_consumed(api: Api, order_id: str) -> None:
    sku = sku_of(order_id)
    await api.load(**{sku: 5})
    assert (await consume(api, order_id)).status == 404
    await reserve(api, order_id, {"sku": sku, "qty": 6})
    assert (await consume(api, order_id)).status == 409
    await reserve(api, f"{order_id}-2", {"sku": sku, "qty": 2})
    await api.ask("DELETE", f"/inventory/reservations/rsv-{order_id}-2")
    assert (await consume(api, f"{order_id}-2")).status == 409
    assert await levels(api, sku) == (5, 5, 0, 0)


async def test_a_reservation_cannot_be_moved_to_any_other_state(api: Api, order_id: str) -> None:
    sku = sku_of(order_id)
    await api.load(**{sku: 5})
    await reserve(api, order_id, {"sku": sku, "qty": 2})
    for state in ("held", "released", "refused", "shipped"):
        answer = await api.post(f"/inventory/reservations/rsv-{order_id}/events", {"state": state})
        assert answer.status in range(400, 500), state
    assert await levels(api, sku) == (5, 3, 2, 0)


async def test_releasing_and_consuming_at_once_do_one_of_them(api: Api, order_id: str) -> None:
    sku = sku_of(order_id)
    await api.load(**{sku: 50})
    names = [f"{order_id}-{n}" for n in range(10)]
    for name in names:
        await reserve(api, name, {"sku": sku, "qty": 1})
    await asyncio.gather(
        *(consume(api, name) for name in names),
        *(api.ask("DELETE", f"/inventory/reservations/rsv-{name}") for name in names),
    )
    states = [state for name in names for state in await INVENTORY.states(api, name)]
    assert set(states) <= {"released", "consumed"}
    assert await levels(api, sku) == (50, 50 - states.count("consumed"), 0, states.count("consumed"))
    await stock_balances(api)
