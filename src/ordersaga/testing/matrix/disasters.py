"""What strikes orders that are in flight: kill -9 of a part, of all of them, and a worker that is stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ordersaga.settings import SERVICES
from ordersaga.stack import programs
from ordersaga.testing.ground import Ground

STOPPED_SECONDS = 12.0
"""Longer than Temporal waits for a worker that has a workflow task."""


@asynccontextmanager
async def strike(ground: Ground, disaster: str) -> AsyncIterator[None]:
    """The disaster happens as the block is entered; what was taken away is back when it is left."""
    if disaster == "stop worker":
        async with _worker_stopped(ground):
            yield
        return
    part = disaster.removeprefix("kill ")
    parts = list(ground.stack.children) if part == "all" else [part]
    before = {name: ground.stack.children[name].deaths for name in parts}
    ground.stack.kill(*parts)
    await ground.stack.until_ready(*parts)
    yield
    spared = [name for name in parts if ground.stack.children[name].deaths == before[name]]
    if spared:
        raise RuntimeError(f"{', '.join(spared)} was to be killed, and was not")


@asynccontextmanager
async def _worker_stopped(ground: Ground) -> AsyncIterator[None]:
    """The worker is stopped where it stands, and another takes over. After a while it wakes up, and knows nothing."""
    pid = ground.stack.pids["worker"]
    os.kill(pid, signal.SIGSTOP)
    waking = asyncio.create_task(_wake(pid))
    urls = {name: f"{ground.proxy.url}/{name}" for name in SERVICES}
    environment = programs.inherited() | programs.environment(ground.stack.temporal, urls, ground.stack.data_dir)
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ordersaga", "worker", "--json"),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
        env=environment,
    )
    try:
        yield
        await waking
    finally:
        waking.cancel()
        os.kill(pid, signal.SIGCONT)
        other.terminate()
        await other.wait()


async def _wake(pid: int) -> None:
    await asyncio.sleep(STOPPED_SECONDS)
    os.kill(pid, signal.SIGCONT)
