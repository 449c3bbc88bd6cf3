"""The register's lists: filters, pages, the worklist, the audit log, the totals; none of them scans all orders."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import aiohttp
import pytest

from ordersaga.services.kit.store import Value
from ordersaga.services.main import store_of
from ordersaga.services.register import search
from ordersaga.services.register.totals import _PLACED
from tests.services.api import Api, Json
from tests.services.conftest import one_database
from tests.services.harness import Database, serving, url_of
from tests.services.test_register import ATTENTION, OWNER, Orders, claim, decision, ending, event, progress

ORDERS = 12
MUG, TEA = {"items": [{"sku": "mug"}, {"sku": "mug"}]}, {"items": [{"sku": "tea"}]}


@pytest.fixture(scope="module")
async def env(new_books: Callable[[], Database], http: aiohttp.ClientSession) -> AsyncIterator[Api]:
    """A register with a dozen orders, in all statuses."""
    async with serving(new_books(), only=["register"]) as url:
        api = Api(http, url)
        for number in range(ORDERS):
            await _place(api, number)
        yield api


async def _place(api: Api, number: int) -> None:
    order = Orders(api, f"o-{number:02}" if number % 4 else f"web-{number:02}")
    yen = number % 6 == 5
    await order.put(
        "",
        claim(
            customer_id=f"customer-{number % 3}",
            email=None if number % 2 else f"mail-{number}@example.com",
            amount=f"{number + 1}00" if yen else f"{number + 1}.50",
            currency="JPY" if yen else "USD",
            task_queue="orders" if number % 5 else "other",
            order=MUG if number % 2 else TEA,
        ),
    )
    match number % 6:
        case 1:
            await order.put("/progress", progress())
        case 2:
            await order.post("/unwind", {"owner": OWNER})
            since = f"2026-03-01T12:00:{59 - number}Z"
            attention = ATTENTION | {"since": since, "kind": "undo" if number == 2 else "pivot"}
            await order.put("/progress", progress(status="needs_attention", attention=attention))
        case 3:
            result = {"tracking_number": f"TRK-{number}"}
            await order.put("/ending", ending(result=result, attention=ATTENTION if number == 3 else None))
        case 4:
            await order.put("/ending", ending("failed", result={"refusal": "PaymentDeclined", "error": "declined"}))
        case 5:
            await order.put("/ending", ending("cancelled", result={}))


async def found(api: Api, limit: int = 1_000, /, **filters: str) -> list[int]:
    """The numbers of the matching orders, in the order of the list."""
    rows = await api.books("/register/orders", **filters, limit=str(limit))
    return [int(row["order_id"].rpartition("-")[2]) for row in rows]


async def test_all_orders_are_listed_newest_first(env: Api) -> None:
    assert await found(env) == list(range(ORDERS))[::-1]
    for limit in (1, 5, ORDERS - 1, ORDERS):
        assert await found(env, limit) == list(range(ORDERS))[::-1]


FILTERS: list[tuple[Json, list[int]]] = [
    ({"status": "pending"}, [6, 0]),
    ({"status": "processing"}, [7, 6, 1, 0]),
    ({"status": "needs_attention"}, [8, 2]),
    ({"status": "completed"}, [9, 3]),
    ({"status": "failed"}, [10, 4]),
    ({"status": "compensating"}, []),
    ({"state": "open"}, [7, 6, 1, 0]),
    ({"state": "unwinding"}, [8, 2]),
    ({"state": "undone"}, [11, 10, 5, 4]),
    ({"not_ended": "true"}, [8, 7, 6, 2, 1, 0]),
    ({"not_ended": "false"}, [11, 10, 9, 5, 4, 3]),
    ({"attention": "true"}, [8, 3, 2]),
    ({"attention": "false"}, [11, 10, 9, 7, 6, 5, 4, 1, 0]),
    ({"customer_id": "customer-1"}, [10, 7, 4, 1]),
    ({"email": "mail-4@example.com"}, [4]),
    ({"sku": "mug"}, [11, 9, 7, 5, 3, 1]),
    ({"sku": "m"}, []),
    ({"tracking_number": "TRK-9"}, [9]),
    ({"search": "web-"}, [8, 4, 0]),
    ({"search": "o-0"}, [9, 7, 6, 5, 3, 2, 1]),
    ({"search": "o-10"}, [10]),
    ({"search": "O-10"}, []),
    ({"search": "eb"}, []),
    ({"task_queue": "other"}, [10, 5, 0]),
    ({"currency": "JPY"}, [11, 5]),
    ({"currency": "JPY", "min_amount": "601"}, [11]),
    ({"currency": "USD", "min_amount": "3.50", "max_amount": "5.50"}, [4, 3, 2]),
    ({"placed_before": "2020-01-01T00:00:00Z"}, []),
    ({"placed_after": "2020-01-01T01:00:00+01:00", "status": "completed"}, [9, 3]),
    ({"sku": "mug", "status": "completed", "attention": "true", "customer_id": "customer-0"}, [3]),
    ({"sku": "tea", "search": "web-", "state": "undone"}, [4]),
    ({"customer_id": "customer-1", "status": "failed", "max_amount": "6.00", "currency": "USD"}, [4]),
    ({"status": "completed", "state": "open"}, []),
]


@pytest.mark.parametrize(("filters", "numbers"), FILTERS, ids=[urlencode(filters) for filters, _ in FILTERS])
async def test_filters_find_what_fits_in_pages_of_any_length(env: Api, filters: Json, numbers: list[int]) -> None:
    for limit in (1, 2, 1_000):
        assert await found(env, limit, **filters) == numbers


async def test_the_moments_of_acceptance_bound_a_list(env: Api) -> None:
    rows = await env.books("/register/orders")
    at = {row["order_id"]: row["accepted_at"] for row in rows}
    assert await found(env, placed_after=at["o-02"], placed_before=at["o-06"]) == [5, 4, 3]


async def test_an_entry_matches_its_order(env: Api) -> None:
    (entry,) = await env.books("/register/orders", search="o-03")
    whole = (await env.get("/register/orders/o-03")).body
    assert set(whole) - set(entry) == {"order", "unwind_reason", "ending", "events", "decisions", "notes"}
    assert entry == {field: whole[field] for field in entry}


async def test_what_comes_between_two_pages_neither_hides_nor_doubles_an_order(api: Api, order_id: str) -> None:
    for number in range(6):
        await Orders(api, f"{order_id}-{number}").put("", claim(customer_id=order_id))
    path = f"/register/orders?customer_id={order_id}&limit=2"
    first = (await api.get(path)).body
    await Orders(api, f"{order_id}-6").put("", claim(customer_id=order_id))
    await Orders(api, f"{order_id}-3").put("/ending", ending())
    second = (await api.get(f"{path}&cursor={first['next']}")).body
    third = (await api.get(f"{path}&cursor={second['next']}")).body
    names = [row["order_id"] for page in (first, second, third) for row in page["items"]]
    assert names == [f"{order_id}-{number}" for number in range(5, -1, -1)]
    assert third["next"] is None


async def test_an_id_that_few_recent_orders_share_is_found(env: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    select = search._RECENT_ORDERS.select.replace(f"LIMIT {search._RECENT}", "LIMIT 3")
    recent = search.Listing(select, search._RECENT_ORDERS.at, search._RECENT_ORDERS.seq, search._RECENT_ORDERS.entry)
    monkeypatch.setattr(search, "_RECENT_ORDERS", recent)
    for limit in (1, 2, 100):
        assert await found(env, limit, search="o-") == [11, 10, 9, 7, 6, 5, 3, 2, 1]
        assert await found(env, limit, search="web") == [8, 4, 0]


async def test_the_worklist_has_the_longest_wait_first(env: Api) -> None:
    async def names(**filters: str) -> list[str]:
        return [row["order_id"] for row in await env.books("/register/worklist", **filters)]

    assert await names() == ["o-03", "web-08", "o-02"]
    assert await names(limit="1") == ["o-03", "web-08", "o-02"]
    assert await names(kind="pivot") == ["web-08"]


async def test_the_audit_has_what_people_did(api: Api, order_id: str) -> None:
    order = Orders(api, order_id)
    await order.put("", claim())
    asked = event(2, kind="cancel_requested", at="2026-03-02T00:00:00Z", data={"by": "ada", "reason": "too late"})
    for _ in range(2):
        await order.put("/progress", progress(events=[event(1), asked]))
        await order.post("/decisions", decision(at="2026-03-03T00:00:00Z"))
        await order.post("/notes", {"note_id": "n", "by": "grace", "text": "called"})

    async def kinds(**filters: str) -> list[str]:
        return [row["kind"] for row in await api.books("/register/audit", order_id=order_id, **filters)]

    note, decided, cancel = await api.books("/register/audit", order_id=order_id)
    assert (note["kind"], note["by"], note["data"]) == ("note", "grace", {"note_id": "n", "text": "called"})
    assert (decided["by"], decided["data"]["choice"], decided["at"]) == ("grace", "retry", "2026-03-03T00:00:00Z")
    assert (cancel["by"], cancel["data"]["reason"], cancel["order_id"]) == ("ada", "too late", order_id)
    assert await kinds(limit="1") == ["note", "decision", "cancel_requested"]
    assert await kinds(by="grace") == ["note", "decision"]
    assert await kinds(kind="cancel_requested") == ["cancel_requested"]
    assert await kinds(by="nobody") == []


async def test_the_totals_add_up(env: Api) -> None:
    totals = (await env.get("/register/totals")).body
    assert totals["orders"] == dict.fromkeys(["pending", "processing", "needs_attention", "completed", "failed"], 2) | {
        "cancelled": 2
    }
    amounts = {(each["status"], each["currency"]): (each["orders"], each["amount"]) for each in totals["amounts"]}
    assert amounts["completed", "USD"] == (2, "15.00")
    assert amounts["cancelled", "JPY"] == (2, "1800")
    assert totals["attention"] == {"undo": 1, "pivot": 1, "undo_failed": 1}
    assert totals["at_risk"] == {"USD": "59.97"}


@pytest.mark.parametrize("per", ["minute", "hour", "day"])
async def test_orders_are_counted_by_when_they_were_placed(env: Api, per: str) -> None:
    began = {"minute": timedelta(minutes=10), "hour": timedelta(hours=2), "day": timedelta(days=2)}[per]
    query = urlencode({"placed_after": (datetime.now(UTC) - began).isoformat(), "per": per})
    counts = (await env.get(f"/register/placed?{query}")).body["counts"]

    stands = Counter[str]()
    for each in counts:
        stands[each["status"]] += each["orders"]
        start = datetime.fromisoformat(each["start"])
        assert start.second == 0
        assert per == "minute" or start.minute == 0
        assert per != "day" or start.hour == 0
        assert timedelta(0) <= datetime.now(UTC) - start <= began
    assert stands == (await env.get("/register/totals")).body["orders"]


async def test_orders_from_before_are_not_counted(env: Api) -> None:
    query = urlencode({"placed_after": (datetime.now(UTC) + timedelta(days=1)).isoformat(), "per": "day"})
    assert (await env.get(f"/register/placed?{query}")).body == {"counts": []}


@one_database
@pytest.mark.parametrize(
    "query",
    [
        "",
        "per=hour",
        "placed_after=2026-03-01T12:00:00Z",
        "placed_after=2026-03-01T12:00:00Z&per=second",
        "placed_after=2026-03-01T12:00:00&per=day",
        "placed_after=1990-03-01T12:00:00Z&per=day",
        "placed_after=2026-03-01T12:00:00Z&per=minute",
    ],
)
async def test_counts_that_make_no_sense_are_refused(api: Api, query: str) -> None:
    answer = await api.get(f"/register/placed?{query}")
    assert (answer.status, answer.type) == (422, "InvalidRequest")


async def test_totals_may_exceed_what_one_order_may_cost(books: Database, http: aiohttp.ClientSession) -> None:
    async with serving(books, only=["register"]) as url:
        api = Api(http, url)
        assert (await api.get("/register/totals")).body == {
            "orders": {},
            "amounts": [],
            "attention": {},
            "at_risk": {},
        }
        large = claim(amount="9999999999.99")
        answers = await asyncio.gather(*(Orders(api, f"o{number}").put("", large) for number in range(3)))
        assert [answer.status for answer in answers] == [201] * 3
        (total,) = (await api.get("/register/totals")).body["amounts"]
        assert total["amount"] == "29999999999.97"


def cursor(position: object) -> str:
    return urlsafe_b64encode(json.dumps(position).encode()).decode()


BAD = [
    "limit=0",
    "limit=1001",
    "status=lost",
    "min_amount=1.00",
    "max_amount=1.00",
    "currency=USD&min_amount=1.001",
    "placed_after=yesterday",
    "placed_after=2026-03-01T12:00:00",
    "customer_id=a%00b",
    "surprise=1",
    "cursor=nonsense",
    *(f"cursor={cursor(position)}" for position in (1, ["2026"], ["2026", "1"], ["a\x00", 1], ["a", 2**63], [1, 1])),
]


@one_database
@pytest.mark.parametrize("query", BAD)
async def test_bad_queries_are_refused(api: Api, query: str) -> None:
    answer = await api.get(f"/register/orders?{query}")
    assert (answer.status, answer.type) == (422, "InvalidRequest")


PLANS: list[tuple[Json, str]] = [
    ({}, "accepted_order_newest"),
    ({"placed_before": "2026-01-01T00:00:00Z"}, "accepted_order_newest (accepted_at<?)"),
    ({"customer_id": "c"}, "accepted_order_customer (customer_id=?)"),
    ({"customer_id": "c", "status": "completed"}, "accepted_order_customer (customer_id=?)"),
    ({"email": "e"}, "accepted_order_email (email=?)"),
    ({"tracking_number": "t"}, "accepted_order_tracking (tracking_number=?)"),
    ({"sku": "s"}, "PRIMARY KEY (sku=?)"),
    ({"sku": "s", "status": "failed"}, "PRIMARY KEY (sku=?)"),
    ({"search": "o"}, "(order_id>? AND order_id<?)"),
    ({"status": "completed"}, "accepted_order_ended (status=?)"),
    ({"status": "failed", "currency": "USD", "min_amount": "1"}, "accepted_order_ended (status=?)"),
    ({"status": "processing"}, "accepted_order_live"),
    ({"status": "needs_attention"}, "accepted_order_live"),
    ({"state": "unwinding"}, "accepted_order_live"),
    ({"not_ended": True}, "accepted_order_live"),
    ({"attention": True}, "accepted_order_attention"),
]
SORTED = ({"tracking_number": "t"}, {"search": "o"})
"""Their indexes return few orders, or are used when few of the recent orders match."""


@one_database  # the query plans depend on the content of its tables
async def test_lists_are_read_from_an_index_in_their_order(books: Database) -> None:
    store = store_of("register", url_of(books))
    store.migrate()

    async def plan(statement: tuple[str, list[Value]]) -> list[str]:
        sql, values = statement
        rows = await store.read(lambda tx: tx.fetch_all(f"EXPLAIN QUERY PLAN {sql}", *values))
        return [str(row["detail"]) for row in rows]

    async with store.lifespan():
        for filters, index in PLANS:
            query = search.OrdersQuery.model_validate(filters)
            listing, wanted = search.list_orders(query)
            steps = await plan(listing.statement(query, wanted))
            assert steps[0].endswith(index), (filters, steps)
            assert all("INDEX" in step or "KEY" in step or "TEMP" in step for step in steps), (filters, steps)
            assert any("TEMP B-TREE" in step for step in steps) == (filters in SORTED), (filters, steps)
        placed = await plan((_PLACED, [16, "2026", 16, "2026"]))
        assert [step.partition(" INDEX ")[2] for step in placed if "accepted_order" in step] == [
            "accepted_order_live (accepted_at>?)",
            "accepted_order_ended (status=? AND accepted_at>?)",
        ]
        for kind in (None, "undo"):
            todo = search.WorklistQuery(kind=kind)
            steps = await plan(search._WORKLIST.statement(todo, search.list_worklist(todo)))
            assert steps == ["SCAN a USING INDEX accepted_order_worklist"]
