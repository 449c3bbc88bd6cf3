"""While Temporal, a worker or the services are down: the messages, what is still shown, and the return to normal."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest

from ordersaga.orders.connection import connect
from ordersaga.orders.search_attributes import ensure_search_attributes
from ordersaga.orders.worker import order_worker
from ordersaga.settings import Settings
from ordersaga.stack.dev_server import free_port, temporal_server
from ordersaga.stack.faults import FaultProxy
from tests.api.harness import Api, serving, wire
from tests.workflow.environment import OrderEnvironment, until


async def ready(api: Api) -> bool:
    return (await api.get("/readyz")).status == 200


async def test_the_api_starts_without_temporal_and_finds_it_when_it_comes(
    settings: Settings, env: OrderEnvironment, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setattr("ordersaga.stack.dev_server.free_port", lambda: port)
    order = wire(await env.order(order_id))
    async with serving(settings, target_host=f"127.0.0.1:{port}") as api:
        assert (await api.get("/healthz")).json == {"status": "ok"}
        for answer in (
            await api.place(order),
            await api.get(f"/v1/orders/{order_id}-unheard-of"),
            await api.post(f"/v1/orders/{order_id}/cancel"),
            await api.post(f"/v1/worklist/{order_id}/decisions", {"choice": "retry", "by": "Ada"}),
            await api.get(f"/v1/orders/{order_id}-unheard-of/events"),
        ):
            found = answer.problem(503, "TemporalUnavailable")
            assert "No Temporal server" in found["detail"]
            assert int(answer.headers["retry-after"]) >= 1
        accepted = (await api.get(f"/v1/orders/{order_id}")).json
        assert (accepted["status"], accepted["live"], accepted["actions"]) == ("pending", False, [])
        worklist = (await api.get("/v1/worklist")).json
        assert "Orders whose run is wedged are missing" in worklist["problem"]
        listed = (await api.get(f"/v1/orders?search={order_id}")).json
        assert [(each["order_id"], each["status"]) for each in listed["items"]] == [(order_id, "processing")]
        assert listed["problem"] is None
        assert f"{order_id},processing," in (await api.get(f"/v1/orders.csv?search={order_id}")).text
        assert "Temporal" in (await api.get("/readyz")).problem(503, "ServiceUnavailable")["detail"]
        assert "ordersaga_temporal_up 0.0" in (await api.get("/metrics")).text

        async with temporal_server():
            await until(lambda: ready(api))
            assert (await api.place(order)).status == 202
            health = (await api.get("/readyz")).json
            assert (health["temporal"], health["worker"], set(health["services"].values())) == (True, False, {True})
            assert "No worker" in health["problems"][0]


async def test_what_is_known_is_shown_while_the_worker_is_away(
    settings: Settings, env: OrderEnvironment, order_id: str
) -> None:
    order = wire(await env.order(order_id, policy={"hold_before_shipping": 300}))
    async with temporal_server() as address:
        temporal = await connect(target_host=address)
        await ensure_search_attributes(temporal)
        async with serving(settings, target_host=address) as api:

            async def first_known() -> Any:
                answer = await api.get(f"/v1/orders/{order_id}")
                return (
                    answer.json if answer.status == 200 else None
                )  # on a loaded machine, the answer may be to try again

            async def read() -> Any:
                return await until(first_known)

            await api.place(order)
            unseen = await read()
            assert (unseen["live"], unseen["status"], unseen["actions"]) == (False, "processing", [])
            assert unseen["items"][0]["quantity"] == 2
            pending = await api.post(f"/v1/orders/{order_id}x/cancel")
            assert pending.status == 404

            async with order_worker(temporal, settings):

                async def charged() -> bool:
                    found = await read()
                    return bool(found["live"] and "captured" in await env.books(order_id))

                await until(charged)

                async def shown() -> Any:
                    found = await read()
                    return found if [step["state"] for step in found["steps"]][:2] == ["done", "done"] else None

                live = await until(shown)

            async def stale() -> Any:
                found = await read()
                return (
                    found if "worker" in (found["problem"] or "") else None
                )  # at first, only that there was no answer

            found = await until(stale)
            assert (found["as_of"] >= live["as_of"], found["live"], found["steps"]) == (True, True, live["steps"])
            waits = await api.post(f"/v1/orders/{order_id}/cancel", {"reason": "who knows"}, Prefer="wait=1")
            assert (waits.status, waits.json["outcome"]) == (202, "pending")


async def test_what_is_known_is_shown_while_temporal_is_away(
    settings: Settings, env: OrderEnvironment, order_id: str
) -> None:
    order = wire(await env.order(order_id))
    server = temporal_server()
    address = await server.__aenter__()
    gone = False
    try:
        temporal = await connect(target_host=address)
        await ensure_search_attributes(temporal)
        async with serving(settings, target_host=address) as api:
            async with order_worker(temporal, settings):
                assert (await api.place(order, Prefer="wait=20")).status == 200
                before = (await api.get(f"/v1/orders/{order_id}")).json
            await server.__aexit__(None, None, None)
            gone = True

            found = (await api.get(f"/v1/orders/{order_id}")).json
            assert (found["status"], found["steps"], found["problem"]) == ("completed", before["steps"], None)
            assert (await api.get(f"/v1/worklist?customer_id={order_id}")).json["items"] == []
            listed = (await api.get(f"/v1/orders?search={order_id}")).json
            assert [(each["order_id"], each["status"]) for each in listed["items"]] == [(order_id, "completed")]
            assert listed["problem"] is None, "lists do not need Temporal"
            assert (await api.get("/v1/orders/another")).status == 503
    finally:
        if not gone:
            await server.__aexit__(None, None, None)


async def test_a_list_that_is_known_is_shown_while_the_register_is_away(
    settings: Settings, address: str, env: OrderEnvironment, order_id: str
) -> None:
    await env.orders.register.accept(await env.order(order_id), "nobody")
    path = f"/v1/orders?search={order_id}"
    async with AsyncExitStack() as register:
        proxy = await register.enter_async_context(FaultProxy(settings.register_url.removesuffix("/register")))
        through = settings.model_copy(update={"register_url": f"{proxy.url}/register"})
        async with serving(through, target_host=address) as api:
            before = (await api.get(path)).json
            assert [each["order_id"] for each in before["items"]] == [order_id]
            await register.aclose()

            async def stale() -> Any:
                found = (await api.get(path)).json
                return found if found["problem"] else None

            found = await until(stale)
            assert (found["items"], found["as_of"] >= before["as_of"]) == (before["items"], True)
            assert "register" in found["problem"]
            for unknown in ("/v1/orders?search=another", "/v1/orders.csv"):
                assert "register" in (await api.get(unknown)).problem(503, "ServiceUnavailable")["detail"]


async def test_readiness_says_which_service_does_not_answer(settings: Settings, address: str) -> None:
    nowhere = {"inventory_url": "http://127.0.0.1:1/inventory"}
    async with serving(settings.model_copy(update=nowhere), target_host=address) as api:
        health = (await api.get("/readyz")).json
        answering = dict.fromkeys(("register", "payment", "shipping", "notification"), True)
        assert health["services"] == answering | {"inventory": False}
        assert "inventory service is not responding" in " ".join(health["problems"])
