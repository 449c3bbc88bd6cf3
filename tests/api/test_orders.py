"""Orders over HTTP: placing, repeating, waiting, reading, cancelling, listing."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client

from tests.api.harness import Api, wire
from tests.workflow.environment import IN_EFFECT, OrderEnvironment, until

HELD = {"hold_before_shipping": 300}


async def document_of(api: Api, order_id: str, *statuses: str) -> dict[str, Any]:
    """The order's document, once it has one of these statuses."""

    async def read() -> dict[str, Any] | None:
        found: dict[str, Any] = (await api.get(f"/v1/orders/{order_id}")).json
        return found if found.get("status") in statuses else None

    found = await until(read)
    assert found is not None
    return found


async def test_an_order_is_placed_and_read_to_its_end(api: Api, env: OrderEnvironment, order_id: str) -> None:
    placed = await api.place(wire(await env.order(order_id, customer_id="ada", email="ada@example.com")))

    assert (placed.status, placed.headers["location"]) == (202, f"/v1/orders/{order_id}")
    assert placed.json == {
        "order_id": order_id,
        "status_url": f"/v1/orders/{order_id}",
        "events_url": f"/v1/orders/{order_id}/events",
    }
    found = await document_of(api, order_id, "completed")
    assert (found["amount"], found["currency"], found["customer_id"]) == ("44.98", "USD", "ada")
    assert {(step["name"], step["state"]) for step in found["steps"]} >= {("reserve_inventory", "done")}
    assert found["items"][0]["price"] == "19.99"
    assert found["tracking_number"]
    assert found["live"]
    assert found["problem"] is None
    assert found["workflow_id"] == f"order-{order_id}"
    assert found["actions"] == []
    assert datetime.now(UTC) - datetime.fromisoformat(found["as_of"]) < timedelta(seconds=30)


async def test_who_prefers_to_wait_gets_the_result(api: Api, env: OrderEnvironment, order_id: str) -> None:
    answer = await api.place(wire(await env.order(order_id)), Prefer="respond-async, wait=20")

    assert (answer.status, answer.headers["preference-applied"]) == (200, "wait=20")
    assert answer.headers["location"] == f"/v1/orders/{order_id}"
    assert (answer.json["status"], answer.json["payment_id"]) == ("completed", f"pay-{order_id}")


async def test_who_waits_in_vain_gets_the_usual_answer(api: Api, env: OrderEnvironment, order_id: str) -> None:
    held = wire(await env.order(order_id, policy=HELD))
    answer = await api.place(held, Prefer="wait=1")
    assert (answer.status, answer.json["order_id"]) == (202, order_id)
    assert (await api.place(held, Prefer="wait=nonsense")).status == 202
    await api.post(f"/v1/orders/{order_id}/cancel")


async def test_fifty_at_once_are_one_order(api: Api, env: OrderEnvironment, temporal: Client, order_id: str) -> None:
    document = wire(await env.order(order_id))

    answers = await asyncio.gather(*(api.place(document, Prefer="wait=30") for _ in range(50)))

    assert {(answer.status, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert answers[0].json["status"] == "completed"
    assert await env.books(order_id) == IN_EFFECT
    history = temporal.get_workflow_handle(f"order-{order_id}")
    assert (await history.describe()).run_id == (await api.get(f"/v1/orders/{order_id}")).json["run_id"]


async def test_fifty_at_once_that_do_not_wait_get_one_answer_too(
    api: Api, env: OrderEnvironment, order_id: str
) -> None:
    document = wire(await env.order(order_id))
    answers = await asyncio.gather(*(api.place(document) for _ in range(50)))
    assert {(answer.status, answer.text) for answer in answers} == {(202, answers[0].text)}
    await document_of(api, order_id, "completed")
    assert await env.books(order_id) == IN_EFFECT


async def test_the_same_id_with_another_body_is_a_conflict(api: Api, env: OrderEnvironment, order_id: str) -> None:
    document = wire(await env.order(order_id))
    await api.place(document)
    answer = await api.place(document | {"customer_id": "somebody else"})
    assert "Nothing was started" in answer.problem(409, "OrderConflict")["detail"]


async def test_an_idempotency_key_stands_in_for_an_id(api: Api, env: OrderEnvironment, order_id: str) -> None:
    document = wire(await env.order(order_id))
    del document["order_id"]
    first, second = [await api.place(document, Idempotency_Key=f"cart-{order_id}") for _ in range(2)]
    assert (first.status, first.text) == (second.status, second.text)
    other = document | {"customer_id": "somebody else"}
    (await api.place(other, Idempotency_Key=f"cart-{order_id}")).problem(409, "OrderConflict")
    assert "order_id" in (await api.place(document)).problem(422, "InvalidOrder")["errors"][0]
    for bad in ("", "x" * 201, "has space"):
        (await api.place(document, Idempotency_Key=bad)).problem(422, "InvalidRequest")
    await document_of(api, first.json["order_id"], "completed")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ('"quantity": 0', "items[0].quantity"),
        ('"quantity": -1', "items[0].quantity"),
        ('"quantity": 1e18', "items[0].quantity"),
        ('"quantity": 1000000000000000000', "items[0].quantity"),
        ('"quantity": "2"', "items[0].quantity"),
        ('"quantity": true', "items[0].quantity"),
        ('"price": 1e999, "quantity": 1', "items[0].price"),
        ('"price": -1, "quantity": 1', "items[0].price"),
        ('"price": 19.999, "quantity": 1', "items[0].price"),
        ('"quantity": 1, "discount": 3', "items[0].discount"),
    ],
)
async def test_what_is_wrong_with_an_order_is_listed(
    api: Api, env: OrderEnvironment, order_id: str, change: str, problem: str
) -> None:
    text = json.dumps(wire(await env.order(order_id), items=["?"]))
    item = f'{{"sku": "A", "price": "1.00", {change}}}' if "price" not in change else f'{{"sku": "A", {change}}}'
    answer = await api.call("POST", "/v1/orders", raw=text.replace('"?"', item).encode())
    found = answer.problem(422, "InvalidOrder")
    assert found["errors"][0].startswith(problem)
    assert "Nothing was started" in found["detail"]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"order_id": NaN}', "NaN is not allowed"),
        (b'{"order_id": "a", "order_id": "b"}', "'order_id' occurs more than once"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "not JSON"),
        (b'{"order_id": "\xff"}', "not JSON"),
        (b'{"n": ' + b"9" * 10_000 + b"}", "not JSON"),
    ],
    ids=["nothing", "half", "a list", "NaN", "twice", "deep", "deep objects", "not UTF-8", "a long number"],
)
async def test_a_body_that_is_not_a_json_object_is_refused(api: Api, raw: bytes, why: str) -> None:
    found = (await api.call("POST", "/v1/orders", raw=raw)).problem(422, "InvalidRequest")
    assert why in found["detail"]
    assert "no effect" in found["detail"]


async def test_a_price_is_read_exactly(api: Api, env: OrderEnvironment, order_id: str) -> None:
    order = await env.order(order_id, stock=300)
    text = json.dumps(wire(order, items=["?"])).replace(
        '"?"', f'{{"sku": "{order_id}-a", "quantity": 3, "price": 0.1}}'
    )
    answer = await api.call("POST", "/v1/orders", raw=text.encode(), Prefer="wait=20")
    assert answer.json["amount"] == "0.30"


async def test_a_body_too_long_or_of_another_type_is_refused(api: Api) -> None:
    long = await api.call("POST", "/v1/orders", raw=b'"' + b"x" * 1_000_001 + b'"')
    assert "1,000,000" in long.problem(413, "BodyTooLong")["detail"]
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
        other = await api.call("POST", "/v1/orders", raw=b"{}", Content_Type=kind)
        other.problem(415, "UnsupportedMediaType")
    assert (
        await api.call("POST", "/v1/orders", raw=b"{}", Content_Type="application/json; charset=utf-8")
    ).status == 422


async def test_an_order_in_its_hold_is_cancelled_once_and_for_all(
    api: Api, env: OrderEnvironment, order_id: str
) -> None:
    await api.place(wire(await env.order(order_id, policy=HELD)))

    async def charged() -> bool:
        return "captured" in await env.books(order_id)

    await until(charged)
    assert (await document_of(api, order_id, "processing"))["actions"] == [{"name": "cancel", "step": None}]

    answer = await api.post(f"/v1/orders/{order_id}/cancel", {"reason": "<script>changed</script> their mind"})

    assert (answer.status, answer.json["outcome"]) == (200, "cancelled")
    found = await document_of(api, order_id, "cancelled")
    assert found["cancel_reason"] == "<script>changed</script> their mind"
    assert await env.books(order_id) == ["released", "refunded"]
    again = await api.post(f"/v1/orders/{order_id}/cancel")
    assert (again.status, again.json["outcome"]) == (200, "cancelled")


async def test_a_cancel_that_comes_too_late_returns_the_orders_status(
    api: Api, env: OrderEnvironment, order_id: str
) -> None:
    await api.place(wire(await env.order(order_id)), Prefer="wait=20")
    found = (await api.post(f"/v1/orders/{order_id}/cancel", {"reason": "late"})).problem(409, "TooLate")
    assert found["order_status"] == "completed"
    assert "Nothing was undone" in found["detail"]
    (await api.post(f"/v1/orders/{order_id}/cancel", {"why": "?"})).problem(422, "InvalidRequest")
    (await api.post(f"/v1/orders/{order_id}/cancel", {"reason": "x" * 501})).problem(422, "InvalidRequest")


async def test_what_is_not_there_is_not_found(api: Api) -> None:
    for method, path in (
        ("GET", "/v1/orders/nobody"),
        ("GET", "/v1/orders/nobody/events"),
        ("POST", "/v1/orders/nobody/cancel"),
    ):
        (await api.call(method, path)).problem(404, "OrderNotFound")
    (await api.get("/v1/nothing")).problem(404, "NotFound")
    (await api.get("/v1/orders/-bad%20id")).problem(422, "InvalidRequest")
    answer = await api.call("DELETE", "/v1/orders")
    answer.problem(405, "MethodNotAllowed")
    assert answer.headers["allow"] == "GET, POST"


async def listed(api: Api, query: str) -> list[str]:
    """The ids on all pages of a list, with two per page."""
    found: list[str] = []
    cursor = ""
    while True:
        page = (await api.get(f"/v1/orders?limit=2&{query}{cursor}")).json
        assert len(page["items"]) <= 2
        found += [item["order_id"] for item in page["items"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


async def test_orders_are_listed_by_page_and_filter(api: Api, env: OrderEnvironment, order_id: str) -> None:
    customer = f"{order_id}-O'Brien\\"
    began = datetime.now(UTC)
    ids = [f"{order_id}-{n}" for n in range(5)]
    for each in ids:
        card = "pm_card_chargeDeclined" if each == ids[2] else "pm_card_visa"
        order = await env.order(each, customer_id=customer, payment_method_id=card)
        await api.place(wire(order), Prefer="wait=20")
    of_theirs = f"customer_id={order_id}-O%27Brien%5C"
    assert await listed(api, of_theirs) == ids[::-1]
    assert await listed(api, f"{of_theirs}&status=failed") == [ids[2]]
    assert await listed(api, f"{of_theirs}&status=completed") == [ids[4], ids[3], ids[1], ids[0]]
    assert await listed(api, f"search={order_id}-&placed_after={began.isoformat().replace('+', '%2B')}") == ids[::-1]
    assert await listed(api, f"search={order_id}-&placed_before={began.isoformat().replace('+', '%2B')}") == []
    for nothing in ("customer_id=%27%20OR%20%27%27=%27", "customer_id=%5C%27%20OR%20WorkflowId%20!=%20%27"):
        assert await listed(api, nothing) == []


async def test_a_cursor_belongs_to_its_list(api: Api, env: OrderEnvironment, order_id: str) -> None:
    for each in ("a", "b"):
        await api.place(wire(await env.order(f"{order_id}-{each}")))
    cursor = (await api.get(f"/v1/orders?limit=1&search={order_id}-")).json["next"]
    assert (await api.get(f"/v1/orders?limit=1&search={order_id}-&cursor={cursor}")).status == 200
    for wrong in (f"search={order_id}&cursor={cursor}", "cursor=x", f"search={order_id}-&cursor={cursor[:-4]}"):
        (await api.get(f"/v1/orders?limit=1&{wrong}")).problem(404, "InvalidCursor")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "status=lost", "placed_after=yesterday", "placed_after=0", "search=%25"],
)
async def test_a_filter_that_cannot_be_read_is_refused(api: Api, query: str) -> None:
    found = (await api.get(f"/v1/orders?{query}")).problem(422, "InvalidRequest")
    assert query.partition("=")[0] in found["detail"]
