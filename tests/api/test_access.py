"""Who may do what: keys, their scopes, customers, and what is available without keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from ordersaga.settings import Settings
from ordersaga.web.access import Scope, append_key, new_key
from tests.api.harness import Api, serving, wire
from tests.workflow.environment import OrderEnvironment

Guarded = dict[str, Api]

ROUTES = [
    ("POST", "/v1/orders"),
    ("GET", "/v1/orders"),
    ("GET", "/v1/orders.csv"),
    ("GET", "/v1/orders/nobody"),
    ("POST", "/v1/orders/nobody/cancel"),
    ("GET", "/v1/orders/nobody/events"),
    ("GET", "/v1/worklist"),
    ("POST", "/v1/worklist/nobody/decisions"),
    ("POST", "/v1/orders/nobody/notes"),
    ("GET", "/v1/audit"),
    ("GET", "/metrics"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_asks_for_a_key(guarded: Guarded, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer osk_wrong"}, {"Authorization": "Basic YTpi"}, {"Authorization": "x"}):
        answer = await guarded["nobody"].call(method, path, None, raw=None, **headers)
        assert "Nothing was done" in answer.problem(401, "Unauthorized")["detail"]
        assert answer.headers["www-authenticate"].startswith('Bearer realm="ordersaga"')


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] == "POST"])
async def test_a_body_is_not_read_before_the_key(guarded: Guarded, method: str, path: str) -> None:
    for raw in (b'{"order_id": ', b"[" * 100_000, b"\xff"):
        (await guarded["nobody"].call(method, path, raw=raw)).problem(401, "Unauthorized")


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("reader", "POST", "/v1/orders"),
        ("reader", "POST", "/v1/orders/nobody/cancel"),
        ("reader", "POST", "/v1/worklist/nobody/decisions"),
        ("shop", "POST", "/v1/worklist/nobody/decisions"),
        ("shop", "POST", "/v1/orders/nobody/notes"),
        ("shop", "GET", "/v1/audit"),
        ("reader", "GET", "/v1/audit"),
        ("ada", "GET", "/v1/audit"),
        ("ada", "POST", "/v1/orders/nobody/notes"),
        ("ada", "GET", "/v1/worklist"),
        ("ada", "POST", "/v1/worklist/nobody/decisions"),
        ("ada", "GET", "/metrics"),
    ],
)
async def test_a_key_does_what_its_scopes_say(guarded: Guarded, name: str, method: str, path: str) -> None:
    answer = await guarded[name].call(method, path, {} if method == "POST" else None)
    assert "Nothing was done" in answer.problem(403, "Forbidden")["detail"]


async def test_health_and_the_document_need_no_key(guarded: Guarded) -> None:
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert (await guarded["nobody"].get(path)).status == 200


async def test_a_policy_is_for_operators(guarded: Guarded, env: OrderEnvironment, order_id: str) -> None:
    order = wire(await env.order(order_id), policy={"hold_before_shipping": 300})
    (await guarded["shop"].place(order)).problem(403, "Forbidden")
    (await guarded["shop"].get(f"/v1/orders/{order_id}")).problem(404, "OrderNotFound")
    assert (await guarded["operator"].place(order)).status == 202
    assert (await guarded["operator"].post(f"/v1/orders/{order_id}/cancel")).status == 200


async def test_another_customers_orders_are_not_there(guarded: Guarded, env: OrderEnvironment, order_id: str) -> None:
    document = wire(await env.order(order_id, customer_id="ada"))
    (await guarded["bob"].place(document)).problem(403, "Forbidden")
    (await guarded["ada"].place(document | {"customer_id": "bob"})).problem(403, "Forbidden")
    assert (await guarded["ada"].place(document, Prefer="wait=20")).json["status"] == "completed"
    assert len((await guarded["ada"].get(f"/v1/orders?search={order_id}")).json["items"]) == 1
    assert (await guarded["shop"].get(f"/v1/orders/{order_id}")).status == 200
    nobodys = await guarded["bob"].get("/v1/orders/not-there")
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
        theirs = await guarded["bob"].call(method, f"/v1/orders/{order_id}{path}")
        assert theirs.problem(404, "OrderNotFound")["title"] == nobodys.json["title"]
    assert (await guarded["bob"].get(f"/v1/orders?search={order_id}")).json["items"] == []
    (await guarded["bob"].get("/v1/orders?customer_id=ada")).problem(403, "Forbidden")


async def test_a_missing_order_and_another_customers_order_get_the_same_answer(
    guarded: Guarded, env: OrderEnvironment, order_id: str
) -> None:
    await guarded["shop"].place(wire(await env.order(order_id)), Prefer="wait=20")
    there = (await guarded["bob"].get(f"/v1/orders/{order_id}")).text
    missing = (await guarded["bob"].get(f"/v1/orders/{order_id}x")).text
    assert there == missing.replace(f"{order_id}x", order_id)


async def test_a_customer_sees_nothing_of_what_is_the_shops_own(
    guarded: Guarded, env: OrderEnvironment, order_id: str
) -> None:
    declined = await env.order(order_id, customer_id="ada", payment_method_id="pm_card_chargeDeclined")
    result = (await guarded["ada"].place(wire(declined), Prefer="wait=20")).json
    assert (result["refusal"], result["decisions"]) == ("PaymentDeclined", [])
    found = (await guarded["ada"].get(f"/v1/orders/{order_id}")).json
    assert (found["status"], found["refusal"]) == ("failed", "PaymentDeclined")
    assert (found["workflow_id"], found["run_id"], found["attention"]) == (None, None, None)
    assert {step["last_error"] for step in found["steps"]} == {None}
    assert {"step": "charge_payment", "state": "refused"}.items() <= found["timeline"][1].items()
    assert (await guarded["shop"].get(f"/v1/orders/{order_id}")).json["workflow_id"] == f"order-{order_id}"


async def test_one_idempotency_key_of_two_callers_names_two_orders(
    guarded: Guarded, env: OrderEnvironment, order_id: str
) -> None:
    ids = []
    for name in ("ada", "bob"):
        document = wire(await env.order(order_id, customer_id=name))
        del document["order_id"]
        ids.append((await guarded[name].place(document, Idempotency_Key=order_id)).json["order_id"])
    assert len(set(ids)) == 2


async def test_a_key_is_rotated_and_revoked_without_a_restart(settings: Settings, address: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    old, entry = new_key("shop", [Scope.READ])
    append_key(file, entry)
    async with serving(settings.model_copy(update={"api_keys": str(file)}), target_host=address) as nobody:
        assert (await nobody.with_key(old).get("/v1/orders")).status == 200
        new, entry = new_key("shop", [Scope.READ])
        append_key(file, entry)
        assert [(await nobody.with_key(each).get("/v1/orders")).status for each in (old, new)] == [200, 200]
        file.write_text(entry.toml())
        assert [(await nobody.with_key(each).get("/v1/orders")).status for each in (old, new)] == [401, 200]
        file.write_text("half of a")
        assert [(await nobody.with_key(each).get("/v1/orders")).status for each in (old, new)] == [401, 200]
        file.unlink()
        assert [(await nobody.with_key(each).get("/v1/orders")).status for each in (old, new)] == [401, 401]


# -- without keys


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:80", "[::", "10.0.0.1"]
)
async def test_another_hosts_name_is_refused_without_keys(api: Api, host: str) -> None:
    for path in ("/v1/orders", "/healthz", "/openapi.json", "/"):
        assert (
            "accepts only names of this machine" in (await api.get(path, Host=host)).problem(403, "Forbidden")["detail"]
        )


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "LOCALHOST"])
async def test_this_machines_names_are_served(api: Api, host: str) -> None:
    assert (await api.get("/healthz", Host=host)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
async def test_another_sites_page_places_nothing(
    api: Api, env: OrderEnvironment, order_id: str, headers: dict[str, str]
) -> None:
    document = wire(await env.order(order_id))
    found = (await api.place(document, **headers)).problem(403, "Forbidden")
    assert "another site" in found["detail"]
    (await api.get(f"/v1/orders/{order_id}")).problem(404, "OrderNotFound")


async def test_a_page_of_our_own_may_and_another_sites_link_may_lead_here(api: Api) -> None:
    own = {"Origin": api.url, "Sec-Fetch-Site": "same-origin"}
    (await api.post("/v1/orders/nobody/cancel", **own)).problem(404, "OrderNotFound")
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await api.get("/v1/orders", **link)).status == 200
    script = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    (await api.get("/v1/orders", **script)).problem(403, "Forbidden")


async def test_answers_are_not_kept_nor_guessed_at(api: Api) -> None:
    for path in ("/v1/orders", "/v1/nothing", "/healthz"):
        headers = (await api.get(path)).headers
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert "access-control-allow-origin" not in headers
