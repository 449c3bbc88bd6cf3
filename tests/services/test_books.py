"""The services' lists: pages, filters, and the content of each row."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial

import pytest

from ordersaga.contracts.inventory import ReservationRequest
from ordersaga.services.inventory import reservations, stock
from ordersaga.services.kit.answer import no_content
from ordersaga.services.kit.fence import Fence
from ordersaga.services.kit.paged_table import PageQuery
from ordersaga.services.main import store_of
from tests.services.api import Api, Json
from tests.services.harness import Database, url_of
from tests.services.pairs import INVENTORY, SHIPPING, Pair, sku_of

MANY = 45
LIMIT = 20
COMMON = {"order_id", "state", "created_at"}


async def pages(api: Api, path: str) -> list[list[Json]]:
    """Yield the pages."""
    found: list[list[Json]] = []
    more = f"limit={LIMIT}"
    while True:
        answer = await api.get(f"{path}{'&' if '?' in path else '?'}{more}")
        found.append(answer.body["items"])
        if answer.body["next"] is None:
            return found
        assert len(found[-1]) == LIMIT
        more = f"limit={LIMIT}&cursor={answer.body['next']}"


async def test_a_row_matches_the_contract(api: Api, pair: Pair, order_id: str) -> None:
    await api.load(**{sku_of(order_id): 5})
    before = datetime.now(UTC)
    await pair.do(api, order_id)
    (entry,) = await pair.entries(api, order_id)
    assert {pair.key} | COMMON <= set(entry)
    created = datetime.fromisoformat(entry["created_at"])
    assert abs((created - before).total_seconds()) < 60, "created_at has a time zone and is now"
    one = await api.get(f"/{pair.service}{pair.collection}/{pair.effect_id(order_id)}")
    assert one.body == entry


async def test_the_stock_matches_the_contract(api: Api, order_id: str) -> None:
    sku = sku_of(order_id)
    await api.load(**{sku: 5})
    expected = {"sku": sku, "loaded": 5, "on_hand": 5, "reserved": 0, "shipped": 0}
    assert await api.stock(sku) == expected
    assert await api.books("/inventory/stock", sku=sku) == [expected]


@pytest.mark.parametrize("states", ["same order", "each its own"])
async def test_pages_give_each_row_once(api: Api, pair: Pair, order_id: str, states: str) -> None:
    await api.load(**{sku_of(f"{order_id}-{n}"): 5 for n in range(MANY)})
    wanted = []
    for n in range(MANY):
        name = f"{order_id}-{n}"
        body = pair.body(name, **({"order_id": order_id} if states == "same order" else {}))
        assert (await api.post(f"/{pair.service}{pair.do_path}", body)).status == pair.done
        wanted.append(pair.effect_id(name))
    query = f"?order_id={order_id}" if states == "same order" else ""
    found = [row[pair.key] for page in await pages(api, f"/{pair.service}{pair.collection}{query}") for row in page]
    assert len(found) == len(set(found))
    assert sorted(key for key in found if key in set(wanted)) == sorted(wanted)
    if query:
        assert len(found) == MANY


async def test_pages_of_stock_give_each_sku_once(api: Api, order_id: str) -> None:
    wanted = {f"{order_id}-{n}": n for n in range(3 * LIMIT)}
    await api.load(**wanted)
    found = [row for page in await pages(api, "/inventory/stock") for row in page]
    assert len({row["sku"] for row in found}) == len(found)
    assert {row["sku"]: row["loaded"] for row in found if row["sku"] in wanted} == wanted


async def test_what_comes_between_two_pages_neither_hides_nor_doubles_a_row(api: Api, order_id: str) -> None:
    async def book(n: int) -> None:
        await api.post("/shipping/shipments", SHIPPING.body(f"{order_id}-{n}", order_id=order_id))

    for n in range(MANY):
        await book(n)
    path = f"/shipping/shipments?order_id={order_id}"
    first = await api.get(f"{path}&limit={LIMIT}")
    await book(MANY)
    await SHIPPING.undo_it(api, f"{order_id}-0")
    rest = await pages(api, f"{path}&cursor={first.body['next']}")
    found = [row["shipment_id"] for page in [first.body["items"], *rest] for row in page]
    assert len(found) == len(set(found))
    assert {f"shp-{order_id}-{n}" for n in range(MANY)} <= set(found)


async def test_rows_can_be_found_by_order_and_by_sku(api: Api, order_id: str) -> None:
    ours, other = f"{order_id}-a", f"{order_id}-b"
    await api.load(**{sku_of(order_id): 9, "another-sku": 100})
    items = [{"sku": sku_of(order_id), "qty": 1}, {"sku": "another-sku", "qty": 1}]
    for name in (ours, other):
        await INVENTORY.do(api, name, items=items)
    await INVENTORY.do(api, f"{order_id}-c", items=[{"sku": "another-sku", "qty": 1}])
    by_sku = await api.books("/inventory/reservations", sku=sku_of(order_id))
    assert sorted(row["order_id"] for row in by_sku) == [ours, other]
    by_both = await api.books("/inventory/reservations", sku=sku_of(order_id), order_id=other)
    assert [row["order_id"] for row in by_both] == [other]


AS_A_LATER_VERSION_WROTE_IT = json.dumps([{"sku": "mug ☕", "qty": 250_000, "engraving": "A. L."}])


async def test_a_reservation_of_a_later_version_is_in_the_books_and_can_be_released(books: Database) -> None:
    store = store_of("inventory", url_of(books))
    store.migrate()
    request = ReservationRequest.model_validate(INVENTORY.body("1"))
    async with store.lifespan():
        await store.write(lambda tx: stock.load(tx, {sku_of("1"): 5}))
        await Fence(store).do(request.reservation_id, request, lambda tx: reservations.reserve(tx, request))
        sql = "UPDATE reservation SET items = ?"
        await store.write(lambda tx: tx.execute(sql, AS_A_LATER_VERSION_WROTE_IT))

        page = await reservations.TABLE.page(store, PageQuery(), {})
        assert [line.model_dump() for line in page.items[0].items] == [{"sku": "mug ☕", "qty": 250_000}]
        release = partial(reservations.release, reservation_id=request.reservation_id)
        assert (await Fence(store).undo(request.reservation_id, None, release, no_content())).status_code == 204
        entry = await reservations.TABLE.one(store, request.reservation_id)
        assert entry.state == "released"
