"""Attacks with a valid key: on other people's orders, on fields that callers may not set, and with special texts.

Grouped by the OWASP API Security Top 10 of 2023. Attacks without a key, or that need their own server, are in
test_abuse_edge.py.
"""

from __future__ import annotations

import asyncio
import json
import re
from base64 import urlsafe_b64encode as b64encode
from urllib.parse import quote

import pytest

from ordersaga.domain.result import OrderFilter
from ordersaga.orders.register.lists import cursor_of
from tests.api.harness import Api, wire
from tests.api.wire import spoken
from tests.workflow.environment import IN_EFFECT, OrderEnvironment

Guarded = dict[str, Api]
HELD = {"hold_before_shipping": 300}

# -- API1 Broken Object Level Authorization


async def test_another_customers_order_is_not_there_on_any_route(
    guarded: Guarded, env: OrderEnvironment, order_id: str
) -> None:
    await guarded["operator"].place(wire(await env.order(order_id, customer_id="ada", policy=HELD)))
    assert await listed(guarded["ada"], f"search={order_id}")
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/events", None),
        ("POST", "/cancel", None),
        ("POST", "/cancel", {"reason": "mine now"}),
    ):
        theirs = await guarded["bob"].call(method, f"/v1/orders/{order_id}{path}", body)
        theirs.problem(404, "OrderNotFound")
        missing = await guarded["bob"].call(method, f"/v1/orders/{order_id}-no{path}", body)
        assert theirs.text == missing.text.replace(f"{order_id}-no", order_id), "it tells that the order is there"
        assert set(theirs.headers) == set(missing.headers)
    (await guarded["bob"].post(f"/v1/worklist/{order_id}/decisions", {"choice": "retry", "by": "Bob"})).problem(
        403, "Forbidden"
    )
    for query in (f"search={order_id}", f"search={order_id}&status=processing", "customer_id=bob", "limit=100"):
        for path in ("/v1/orders", "/v1/orders.csv"):
            assert order_id not in (await guarded["bob"].get(f"{path}?{query}")).text
    (await guarded["bob"].get(f"/v1/orders?search={order_id}&customer_id=ada")).problem(403, "Forbidden")
    assert (await guarded["ada"].get(f"/v1/orders/{order_id}")).json["status"] == "processing", "nobody cancelled it"
    assert (await guarded["ada"].post(f"/v1/orders/{order_id}/cancel")).status == 200


async def test_a_cursor_of_another_key_shows_nothing_of_its_list(
    guarded: Guarded, env: OrderEnvironment, order_id: str
) -> None:
    for each in ("a", "b"):
        await guarded["ada"].place(wire(await env.order(f"{order_id}-{each}", customer_id="ada")), Prefer="wait=20")
    query = f"limit=1&search={order_id}-"
    cursor = (await guarded["ada"].get(f"/v1/orders?{query}")).json["next"]
    (await guarded["bob"].get(f"/v1/orders?{query}&cursor={cursor}")).problem(404, "InvalidCursor")
    (await guarded["shop"].get(f"/v1/orders?{query}&cursor={cursor}")).problem(404, "InvalidCursor")
    flipped = cursor[:20] + ("A" if cursor[20] != "A" else "B") + cursor[21:]
    for bad in (cursor[:-1], flipped, "A" + cursor, "", "%00", "..%2F..", "A" * 2_000, quote("' OR 1=1 --")):
        (await guarded["ada"].get(f"/v1/orders?{query}&cursor={bad}")).problem(404, "InvalidCursor")
    assert (await guarded["ada"].get(f"/v1/orders?{query}&cursor={'A' * 2_001}")).status == 422


@pytest.mark.parametrize("seq", [2**63 - 1, "' OR 1=1 --", None, {"$gt": 0}])
async def test_a_forged_cursor_leads_to_the_callers_own_orders_only(
    guarded: Guarded, env: OrderEnvironment, order_id: str, seq: object
) -> None:
    await guarded["ada"].place(wire(await env.order(order_id, customer_id="ada")), Prefer="wait=20")
    position = b64encode(json.dumps(["2100-01-01", seq]).encode()).decode()
    forged = cursor_of(position, OrderFilter(customer_id="bob"))  # everything in it can be read in our source
    found = await guarded["bob"].get(f"/v1/orders?limit=100&cursor={forged}")
    if isinstance(seq, int):
        assert {item["customer_id"] for item in found.json["items"]} <= {"bob"}
    else:
        found.problem(404, "InvalidCursor")


# -- API3 Broken Object Property Level Authorization (mass assignment)


@pytest.mark.parametrize(
    "field",
    [
        *("status", "amount", "total", "run_id", "workflow_id", "payment_id", "tracking_number", "refunded"),
        *("decisions", "__proto__", "constructor", "is_admin", "created_at", "memo", "model_config", "Order_id"),
    ],
)
async def test_an_order_has_no_other_fields(guarded: Guarded, env: OrderEnvironment, order_id: str, field: str) -> None:
    document = wire(await env.order(order_id, customer_id="ada"))
    for place in (document, document["items"][0], document["shipping_address"]):
        place[field] = "1"
        found = (await guarded["ada"].place(document)).problem(422, "InvalidOrder")
        assert field in found["errors"][0]
        del place[field]
    (await guarded["ada"].get(f"/v1/orders/{order_id}")).problem(404, "OrderNotFound")


async def test_a_customer_sets_neither_a_policy_nor_anothers_id(
    guarded: Guarded, env: OrderEnvironment, order_id: str
) -> None:
    document = wire(await env.order(order_id, customer_id="ada"))
    changes: list[dict[str, object]] = [
        {"policy": HELD},
        {"policy": {}},
        {"policy": 0},
        {"customer_id": "bob"},
        {"customer_id": " ada"},
        {"customer_id": "ADA"},
        {"customer_id": ["ada"]},
        {"customer_id": None},
        {"customer_id": "ada\u200b"},
    ]
    for change in changes:
        (await guarded["ada"].place(document | change)).problem(403, "Forbidden")
    del document["customer_id"]
    (await guarded["ada"].place(document)).problem(403, "Forbidden")
    for body in ({"reason": "x", "status": "cancelled"}, {"reason": "x", "customer_id": "ada"}):
        (await guarded["ada"].post(f"/v1/orders/{order_id}/cancel", body)).problem(422, "InvalidRequest")


async def test_what_a_customer_reads_names_nothing_of_the_shops(
    guarded: Guarded, env: OrderEnvironment, order_id: str
) -> None:
    order = wire(await env.order(order_id, customer_id="ada"))
    answers = [await guarded["ada"].place(order, Prefer="wait=20")]
    answers += [await guarded["ada"].get(f"/v1/orders{path}") for path in (f"/{order_id}", f"/{order_id}/events", "")]
    for answer in answers:
        assert answer.status == 200
        for secret in ("run_id", "workflow_id", "payment_method_id", "pm_card_visa", "memo", "task_queue"):
            assert not re.search(rf'"{secret}": ?"[^"]', answer.text), secret


# -- API5 Broken Function Level Authorization


@pytest.mark.parametrize("name", ["ada", "bob", "shop", "reader"])
async def test_only_an_operator_decides(guarded: Guarded, name: str) -> None:
    for target in ("/v1/worklist/x/decisions", "/v1/worklist/x/decisions?scope=operate", "/v1/worklist/x%2Fdecisions"):
        for extra in ((), ("X-HTTP-Method-Override: POST",), ("X-Scopes: operate",), ("X-Forwarded-User: operator",)):
            body = b'{"choice": "retry", "by": "x"}'
            (await spoken(guarded[name], target, "POST", body, *extra)).problem(403, "Forbidden")


async def test_the_method_is_the_one_of_the_request(guarded: Guarded, env: OrderEnvironment, order_id: str) -> None:
    await guarded["operator"].place(wire(await env.order(order_id, policy=HELD)))
    target = f"/v1/orders/{order_id}"
    for name in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        assert (await spoken(guarded["shop"], target, "GET", b"", f"{name}: DELETE")).status == 200
        assert (await spoken(guarded["shop"], f"{target}/cancel", "GET", b"", f"{name}: POST")).status == 405
        assert (
            await spoken(guarded["shop"], f"{target}?_method=DELETE", "POST", b"{}", f"{name}: DELETE")
        ).status == 405
    assert (await guarded["shop"].get(target)).json["status"] == "processing"
    assert (await guarded["shop"].post(f"{target}/cancel")).status == 200


# -- API6 and API10: an order's flow cannot be changed by the content of its fields


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("quantity", each) for each in ("0", "-1", "1e18", "NaN", "Infinity", "-Infinity", '"1"', "true", "1.5")),
        *(("quantity", each) for each in ("null", "[1]", "1e400", "1e99999999999999999999", "9" * 30, "100001")),
        *(("price", each) for each in ("1e999", "-1", "19.999", "1e99999999999999999999", "-0.01", "NaN", "true")),
        *(
            ("price", each)
            for each in ('"NaN"', '"1e3"', '"\uff11.00"', '"1_0.00"', '" 1.00"', '""', "0", "1e12", "null")
        ),
    ],
)
async def test_no_number_but_a_plain_one(
    guarded: Guarded, env: OrderEnvironment, order_id: str, field: str, value: str
) -> None:
    document = wire(await env.order(order_id))
    document["items"] = [{"sku": "A", "quantity": 1, "price": "1.00"} | {field: "?"}]
    answer = await guarded["shop"].call("POST", "/v1/orders", raw=json.dumps(document).replace('"?"', value).encode())
    assert answer.status == 422, answer.text
    assert answer.json["type"] in ("InvalidOrder", "InvalidRequest")
    (await guarded["shop"].get(f"/v1/orders/{order_id}")).problem(404, "OrderNotFound")


CONTROLS = ["\x00", "\x1b[2J", "\r\nX-Evil: 1", "\n", "\x7f", "\u202e", "\x85", "\ud800"]


@pytest.mark.parametrize("bad", CONTROLS, ids=ascii)
async def test_no_control_characters_in_any_text(
    guarded: Guarded, env: OrderEnvironment, order_id: str, bad: str
) -> None:
    document = wire(await env.order(order_id, email="ada@example.com"))
    text = f"a{bad}b"
    address = document["shipping_address"]
    changes: list[dict[str, object]] = [
        {name: text} for name in ("order_id", "customer_id", "payment_method_id", "currency")
    ]
    changes += [{"email": f"{text}@example.com"}, {"items": [document["items"][0] | {"sku": text}]}, {text: 1}]
    changes += [{"shipping_address": address | {name: text}} for name in address]
    for change in changes:
        answer = await guarded["shop"].place(document | change)
        assert answer.status == 422, (change, answer.text)
        assert bad not in answer.text
    for path, body in (
        (f"/v1/orders/{order_id}/cancel", {"reason": text}),
        (f"/v1/worklist/{order_id}/decisions", {"choice": "retry", "by": text}),
        (f"/v1/worklist/{order_id}/decisions", {"choice": "retry", "by": "x", "note": text}),
    ):
        (await guarded["operator"].post(path, body)).problem(422, "InvalidRequest")


async def test_markup_and_formats_are_only_text(guarded: Guarded, env: OrderEnvironment, order_id: str) -> None:
    text = "<script>alert(1)</script> {{7*7}} ${7*7} %s%n ' OR 1=1 -- \\"
    address = {"street": text, "city": text, "state": "NY", "zip_code": "10118", "country": "US"}
    order = await env.order(order_id, customer_id=text, shipping_address=address, email="a{0}%n@x.example")
    assert (await guarded["shop"].place(wire(order), Prefer="wait=20")).json["status"] == "completed"
    found = await guarded["shop"].get(f"/v1/orders/{order_id}")
    assert (found.json["customer_id"], found.json["shipping_address"]["street"]) == (text, text)
    assert found.headers["content-type"] == "application/json"
    assert await env.books(order_id) == IN_EFFECT


async def test_an_orders_place_is_never_but_a_path(guarded: Guarded, env: OrderEnvironment, order_id: str) -> None:
    document = wire(await env.order(order_id))
    ids = [
        "a\r\nSet-Cookie: x=1",
        "//evil.example",
        "..",
        "../../x",
        "%2e%2e",
        "a/b",
        "a?b",
        "a#b",
        "é",
        ".a",
        "",
        "x" * 101,
    ]
    for bad in ids:
        answer = await guarded["shop"].place(document | {"order_id": bad})
        answer.problem(422, "InvalidOrder")
        assert "location" not in answer.headers
        assert "set-cookie" not in answer.headers
    del document["order_id"]
    answer = await guarded["shop"].place(document, Idempotency_Key=f"{order_id}/../../%0d%0aX:1")
    assert answer.headers["location"] == f"/v1/orders/{answer.json['order_id']}"
    assert answer.headers["location"].startswith("/v1/orders/k-")


@pytest.mark.parametrize(
    "path",
    [
        *("%2e%2e", "..%2f..%2fetc%2fpasswd", "%00", "a%00b", "a%0d%0aX-Evil:1", "%ff", "%F0%9F%98%80", "-a"),
        *("x" * 101, "a%2f..%2fb", "a;b", "%2Fv1%2Forders", "a%20b", "..", "." + "/a" * 50),
    ],
)
async def test_a_path_trick_leads_nowhere(guarded: Guarded, path: str) -> None:
    for tail in ("", "/events"):
        answer = await spoken(guarded["shop"], f"/v1/orders/{path}{tail}")
        assert answer.status in (404, 422), answer.text
        assert "x-evil" not in answer.headers
        assert answer.headers["content-type"] == "application/problem+json"


# -- API8: a caller's filters are not part of a query


INJECTIONS = [
    "' OR '1'='1",
    "' OR WorkflowId != '",
    '" OR "" = "',
    "\\' OR 1=1 --",
    "%",
    "_",
    "x%",
    "*",
    "`x`",
    "x' --",
]
INJECTIONS += ["') OR ExecutionStatus = ('Running", "ad_", "ada' ORDER BY StartTime", "\\", "'", "''", "a\\"]


@pytest.mark.parametrize("text", INJECTIONS)
async def test_no_filter_is_a_query(guarded: Guarded, env: OrderEnvironment, order_id: str, text: str) -> None:
    await guarded["ada"].place(wire(await env.order(order_id, customer_id="ada")), Prefer="wait=20")
    for name in ("customer_id", "email", "sku", "tracking_number"):
        found = await guarded["shop"].get(f"/v1/orders?{name}={quote(text)}")
        assert (found.status, found.json["items"]) == (200, [])
    for name in ("search", "status", "placed_after", "placed_before", "limit", "currency", "needs_attention"):
        answer = await guarded["shop"].get(f"/v1/orders?{name}={quote(text)}")
        if name == "search" and text in ("_", "ad_"):
            assert (answer.status, answer.json["items"]) == (200, [])
        else:
            answer.problem(422, "InvalidRequest")
    stamp = quote(f"2026-01-01T00:00:00Z{text}")
    assert (await guarded["shop"].get(f"/v1/orders?placed_after={stamp}")).status == 422


@pytest.mark.parametrize(
    "times",
    [
        "placed_after=0001-01-01T00:00:00%2B14:00",
        "placed_before=9999-12-31T23:59:59-14:00",
        "placed_after=9999-12-31T23:59:59Z",
        "placed_before=0001-01-01T00:00:00Z",
    ],
)
async def test_times_at_the_ends_of_the_calendar_are_times(guarded: Guarded, times: str) -> None:
    found = await guarded["shop"].get(f"/v1/orders?limit=1&{times}")
    assert found.status == 200, found.text


async def listed(api: Api, query: str) -> bool:
    return bool((await api.get(f"/v1/orders?{query}")).json["items"])


async def test_many_at_once_do_not_mix_answers_of_two_customers(
    guarded: Guarded, env: OrderEnvironment, order_id: str
) -> None:
    for name in ("ada", "bob"):
        order = await env.order(f"{order_id}-{name}", customer_id=name)
        await guarded[name].place(wire(order), Prefer="wait=20")

    async def ask(name: str, path: str) -> tuple[str, str, int, str]:
        answer = await guarded[name].get(path)
        return name, path, answer.status, answer.text

    paths = [f"/v1/orders/{order_id}-{name}" for name in ("ada", "bob")] + [f"/v1/orders?search={order_id}-"]
    for name, path, status, text in await asyncio.gather(
        *(ask(name, path) for _ in range(20) for name in ("ada", "bob") for path in paths)
    ):
        other = "bob" if name == "ada" else "ada"
        if path.endswith(f"-{other}"):
            assert status == 404
        else:
            assert (status, f"{order_id}-{other}" in text) == (200, False)
