"""Rate limits and time limits."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ordersaga.settings import Settings
from ordersaga.web.access import Scope, append_key, new_key
from tests.api.harness import Api, serving, wire
from tests.workflow.environment import OrderEnvironment


async def test_a_rate_is_of_a_key_and_says_when_there_is_more(settings: Settings, address: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    one, entry = new_key("one", [Scope.READ])
    append_key(file, entry)
    two, entry = new_key("one", [Scope.READ])
    append_key(file, entry)
    slow = settings.model_copy(update={"api_keys": str(file), "api_rate": "3/minute"})
    async with serving(slow, target_host=address) as nobody:
        answers = [await nobody.with_key(one).get("/v1/orders") for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=60'
        assert answers[0].headers["ratelimit"].startswith('"default";r=2;t=')
        refused = answers[3]
        assert "Nothing was done" in refused.problem(429, "TooManyRequests")["detail"]
        assert 1 <= int(refused.headers["retry-after"]) <= 120
        assert refused.headers["ratelimit"].startswith('"default";r=0;')

        assert (await nobody.with_key(two).get("/v1/orders")).status == 200, "another key has a rate of its own"
        guesses = [(await nobody.with_key(f"guess {n}").get("/v1/orders")).status for n in range(4)]
        assert guesses == [401, 401, 401, 429], "who has no key is counted by address"
        assert (await nobody.get("/healthz")).status == 200


async def test_somebody_has_only_so_many_streams_open(api: Api, env: OrderEnvironment, order_id: str) -> None:
    await api.place(wire(await env.order(order_id, policy={"hold_before_shipping": 300})))
    url = f"{api.url}/v1/orders/{order_id}/events"
    opened = await asyncio.gather(*(api.session.get(url) for _ in range(20)))
    try:
        assert {response.status for response in opened} == {200}
        refused = await api.get(f"/v1/orders/{order_id}/events")
        assert refused.headers["retry-after"]
        assert "20 are allowed" in refused.problem(429, "TooManyRequests")["detail"]
    finally:
        for response in opened:
            response.close()

    async with asyncio.timeout(20):
        while (response := await api.session.get(url)).status != 200:
            response.close()
            await asyncio.sleep(0.05)
    response.close()
    await api.post(f"/v1/orders/{order_id}/cancel")
