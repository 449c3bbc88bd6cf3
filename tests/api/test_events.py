"""The event stream of an order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.api.harness import Api, wire
from tests.workflow.environment import OrderEnvironment

PATIENCE = aiohttp.ClientTimeout(total=30)


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """The events of a stream, each as a dict of its fields."""
    fields: dict[str, Any] = {}
    async for line in response.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif fields:
            yield fields | {"data": json.loads(fields["data"])}
            fields = {}


async def test_a_stream_sends_each_change_and_ends_with_the_order(
    api: Api, env: OrderEnvironment, order_id: str
) -> None:
    await api.place(wire(await env.order(order_id, policy={"hold_before_shipping": 300})))
    url = f"{api.url}/v1/orders/{order_id}/events"
    async with api.session.get(url, timeout=PATIENCE) as response:
        assert (response.status, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert response.headers["cache-control"] == "no-cache"
        received = events(response)
        first = await anext(received)
        assert (first["event"], first["data"]["order_id"]) == ("order", order_id)
        await api.post(f"/v1/orders/{order_id}/cancel")
        rest = [event async for event in received]

    ids = [event["id"] for event in (first, *rest)]
    assert len(ids) == len(set(ids)), "an event is a change"
    assert (rest[-1]["event"], rest[-1]["data"]["status"]) == ("end", "cancelled")
    again = await api.get(f"/v1/orders/{order_id}/events", Last_Event_ID=ids[-1])
    assert (again.status, again.text) == (204, ""), "an event source that has seen the end does not come again"
    assert "event: end" in (await api.get(f"/v1/orders/{order_id}/events", Last_Event_ID=ids[0])).text


async def test_while_nothing_happens_a_comment_shows_that_the_stream_lives(
    api: Api, env: OrderEnvironment, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.05)
    await api.place(wire(await env.order(order_id, policy={"hold_before_shipping": 300})))
    async with api.session.get(f"{api.url}/v1/orders/{order_id}/events", timeout=PATIENCE) as response:
        async with asyncio.timeout(20):
            while not (await response.content.readline()).startswith(b":"):
                pass
    await api.post(f"/v1/orders/{order_id}/cancel")
