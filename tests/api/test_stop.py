"""The server stops while somebody watches an order."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE

from ordersaga.settings import Settings
from tests.acceptance.harness import ROOT, environment
from tests.api.harness import Api, wire
from tests.workflow.environment import OrderEnvironment


async def test_the_server_stops_at_once_though_a_stream_is_open(
    api: Api, settings: Settings, address: str, env: OrderEnvironment, order_id: str
) -> None:
    await api.place(wire(await env.order(order_id, policy={"hold_before_shipping": 300})))
    urls = {f"ORDERSAGA_{name.upper()}_URL": url for name, url in settings.service_urls().items()}
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "ordersaga", "api", "--json", "--port", "0"],
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
        cwd=ROOT,
        env=environment({"TEMPORAL_ADDRESS": address} | urls),
    )
    try:
        assert process.stdout
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        async with api.session.get(f"{ready['api']}/v1/orders/{order_id}/events") as response:
            assert (await response.content.readline()).startswith(b"event: order")
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(5):
                await response.content.read()
                assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await api.post(f"/v1/orders/{order_id}/cancel")
