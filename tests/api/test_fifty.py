"""One order submitted fifty times at once, also during outages: one run, one charge, fifty equal answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from temporalio.client import Client

from ordersaga.orders.connection import connect
from ordersaga.orders.search_attributes import ensure_search_attributes
from ordersaga.orders.worker import order_worker
from ordersaga.settings import Settings
from ordersaga.stack.dev_server import free_port, temporal_server
from tests.api.harness import Answer, Api, serving, wire
from tests.api.wire import as_process
from tests.workflow.environment import IN_EFFECT, OrderEnvironment, until

MANY = 50


async def fifty(api: Api, document: dict[str, Any], **headers: str) -> list[Answer]:
    """The answers to fifty submissions, all sent before the first is answered."""
    return await asyncio.gather(*(api.place(document, **headers) for _ in range(MANY)))


def one_answer(answers: Sequence[Answer], status: int) -> Answer:
    """The one answer that all of them are: status, body and Location."""
    assert {answer.status for answer in answers} == {status}, answers[0].text
    assert len({(answer.text, answer.headers.get("location")) for answer in answers}) == 1
    return answers[0]


async def one_effect(temporal: Client, env: OrderEnvironment, order_id: str) -> str:
    """Check that there is one completed run of the order and one payment of its amount; return the run's id."""

    async def ended() -> bool:
        return await env.books(order_id) == IN_EFFECT

    await until(ended)
    (payment,) = [entry async for entry in env.services.payment.payments(order_id=order_id)]
    assert (payment.state, payment.amount, payment.refunded) == ("captured", "44.98", "0.00")
    handle = temporal.get_workflow_handle(f"order-{order_id}")
    assert (await handle.result())["status"] == "completed"
    described = await handle.describe()
    assert described.raw_description.workflow_execution_info.first_run_id == described.run_id
    found = [run async for run in temporal.list_workflows(f"WorkflowId = 'order-{order_id}'")]
    assert {run.run_id for run in found} <= {described.run_id}
    return described.run_id


async def test_by_an_id(api: Api, env: OrderEnvironment, temporal: Client, order_id: str) -> None:
    document = wire(await env.order(order_id))
    first = one_answer(await fifty(api, document), 202)
    assert first.headers["location"] == f"/v1/orders/{order_id}"
    run = await one_effect(temporal, env, order_id)
    assert one_answer(await fifty(api, document), 202).text == first.text, "after its end too"
    assert await one_effect(temporal, env, order_id) == run


async def test_by_an_idempotency_key_alone(api: Api, env: OrderEnvironment, temporal: Client, order_id: str) -> None:
    document = wire(await env.order(order_id))
    del document["order_id"]
    first = one_answer(await fifty(api, document, Idempotency_Key=f"cart-{order_id}"), 202)
    made = first.json["order_id"]
    assert first.headers["location"] == f"/v1/orders/{made}"
    run = await one_effect(temporal, env, made)
    again = await fifty(api, document, Idempotency_Key=f"cart-{order_id}", Prefer="wait=20")
    assert one_answer(again, 200).json["order_id"] == made
    assert await one_effect(temporal, env, made) == run


async def test_by_who_waits_for_the_end(api: Api, env: OrderEnvironment, temporal: Client, order_id: str) -> None:
    document = wire(await env.order(order_id))
    first = one_answer(await fifty(api, document, Prefer="wait=30"), 200)
    assert (first.json["status"], first.headers["location"]) == ("completed", f"/v1/orders/{order_id}")
    await one_effect(temporal, env, order_id)
    assert one_answer(await fifty(api, document, Prefer="wait=30"), 200).text == first.text


async def test_of_an_order_that_is_refused(api: Api, env: OrderEnvironment, order_id: str) -> None:
    document = wire(await env.order(order_id, payment_method_id="pm_card_chargeDeclined"))
    first = one_answer(await fifty(api, document, Prefer="wait=30"), 200)
    assert (first.json["status"], first.json["refusal"]) == ("failed", "PaymentDeclined")
    assert await env.books(order_id) == ["released", "declined"]


@pytest.mark.parametrize("when", ["at once", "after the end"])
async def test_with_other_bodies_among_them(
    api: Api, env: OrderEnvironment, temporal: Client, order_id: str, when: str
) -> None:
    document = wire(await env.order(order_id))
    line = document["items"][0]
    others = [
        document | {"customer_id": "somebody else"},
        document | {"items": [line | {"quantity": 3}]},
        document | {"items": [line | {"price": "0.01"}]},
        document | {"payment_method_id": "pm_card_mastercard"},
        document | {"email": "other@example.com"},
    ]
    answers = [await api.place(document)]  # it is decided which of them is the order
    if when == "after the end":
        await one_effect(temporal, env, order_id)
    mixed = [others[n % len(others)] if n % 5 == 0 else document for n in range(MANY)]
    answers += await asyncio.gather(*(api.place(each) for each in mixed))
    refused = [answer for answer, sent in zip(answers[1:], mixed, strict=True) if sent is not document]
    taken = [answer for answer, sent in zip(answers[1:], mixed, strict=True) if sent is document]
    one_answer([answers[0], *taken], 202)
    assert len(refused) == MANY // 5
    for each in refused:
        assert "Nothing was started" in each.problem(409, "OrderConflict")["detail"]
        assert "location" not in each.headers
    await one_effect(temporal, env, order_id)
    found = (await api.get(f"/v1/orders/{order_id}")).json
    assert (found["amount"], found["customer_id"], found["email"]) == ("44.98", "customer-1", None)


async def test_when_two_bodies_race_for_one_id_one_wins(
    api: Api, env: OrderEnvironment, temporal: Client, order_id: str
) -> None:
    one = wire(await env.order(order_id))
    two = one | {"customer_id": "customer-2"}
    sent = [one if n % 2 else two for n in range(MANY)]
    answers = await asyncio.gather(*(api.place(each) for each in sent))
    won = {str(each) for each, answer in zip(sent, answers, strict=True) if answer.status == 202}
    lost = {str(each) for each, answer in zip(sent, answers, strict=True) if answer.status == 409}
    assert (len(won), len(lost), won & lost) == (1, 1, set())
    await one_effect(temporal, env, order_id)


async def test_across_a_restart_of_the_api(
    api: Api, env: OrderEnvironment, temporal: Client, settings: Settings, address: str, order_id: str
) -> None:
    document = wire(await env.order(order_id))
    port = free_port()
    variables = {"TEMPORAL_ADDRESS": address, "ORDERSAGA_API_RATE": "100000/minute"}
    variables |= {f"ORDERSAGA_{name.upper()}_URL": url for name, url in settings.service_urls().items()}
    answers: list[Answer] = []
    async with as_process(api, variables, port) as (first, process):
        under_way = [asyncio.create_task(first.place(document, Prefer="wait=20")) for _ in range(MANY)]
        await until(lambda: started(temporal, order_id))
        process.kill()  # there may be no answer; the request may or may not have taken effect
        for done in await asyncio.gather(*under_way, return_exceptions=True):
            answers += [done] if isinstance(done, Answer) else []
    async with as_process(api, variables, port) as (second, _):
        answers += await fifty(second, document, Prefer="wait=20")
    one_answer(answers, 200)
    await one_effect(temporal, env, order_id)


async def started(temporal: Client, order_id: str) -> bool:
    """Whether Temporal has a run of the order."""
    try:
        await temporal.get_workflow_handle(f"order-{order_id}").describe()
    except Exception:
        return False
    return True


async def test_while_the_worker_is_away(
    settings: Settings, env: OrderEnvironment, temporal: Client, address: str, order_id: str
) -> None:
    there = settings.model_copy(update={"task_queue": f"away-{order_id}", "api_rate": "100000/minute"})
    document = wire(await env.order(order_id))
    async with serving(there, target_host=address) as api:
        first = one_answer(await fifty(api, document), 202)
        waited = one_answer(await fifty(api, document, Prefer="wait=1"), 202)
        assert waited.text == first.text
        assert await env.books(order_id) == []
        async with order_worker(temporal, there):
            assert one_answer(await fifty(api, document, Prefer="wait=30"), 200).json["status"] == "completed"
            await one_effect(temporal, env, order_id)


async def test_while_temporal_is_away_and_back(
    settings: Settings, env: OrderEnvironment, order_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setattr("ordersaga.stack.dev_server.free_port", lambda: port)
    there = settings.model_copy(update={"api_rate": "100000/minute"})
    document = wire(await env.order(order_id))
    kept = ("--db-filename", str(tmp_path / "temporal.db"))
    async with AsyncExitStack() as stack:
        async with temporal_server(*kept) as address:
            api = await stack.enter_async_context(serving(there, target_host=address))
            # The server may close an idle kept-alive connection just when the client uses it.
            connector = aiohttp.TCPConnector(force_close=True)
            session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
            api = replace(api, session=session)
            await ensure_search_attributes(await connect(target_host=address))
            assert (await api.get("/v1/orders")).status == 200
        for answer in await fifty(api, document, Prefer="wait=20"):
            found = answer.json
            assert (answer.status, found["status"]) == (503, 503), answer.text
            assert int(answer.headers["retry-after"]) >= 1
            assert "location" not in answer.headers
        assert await env.books(order_id) == []
        async with temporal_server(*kept):
            temporal = await connect(target_host=address)
            async with order_worker(temporal, there):

                async def taken() -> bool:
                    return (await api.place(document)).status == 202

                await until(taken)
                answers = await fifty(api, document, Prefer="wait=30")
                assert one_answer(answers, 200).json["status"] == "completed"
                await one_effect(temporal, env, order_id)
