"""The crashes that hit orders in flight: kill -9 of one part or of all, and a worker that is stopped for a while."""

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
from resilience.environment import Environment

STOPPED_SECONDS = 12.0
"""Longer than Temporal waits for a worker that has a workflow task."""


@asynccontextmanager
async def crash_processes(env: Environment, crash: str) -> AsyncIterator[None]:
    """Crash when the block begins. What was killed or stopped is back when it ends."""
    if crash == "stop worker":
        async with _worker_stopped(env):
            yield
        return
    part = crash.removeprefix("kill ")
    parts = list(env.stack.children) if part == "all" else [part]
    before = {name: env.stack.children[name].deaths for name in parts}
    env.stack.kill(*parts)
    await env.stack.until_ready(*parts)
    yield
    spared = [name for name in parts if env.stack.children[name].deaths == before[name]]
    if spared:
        raise RuntimeError(f"{', '.join(spared)} should have been killed, but was not")


@asynccontextmanager
async def _worker_stopped(env: Environment) -> AsyncIterator[None]:
    """Stop the worker in the middle of its work, so that another takes over.

    Later the first one continues, unaware of it.
    """
    pid = env.stack.pids["worker"]
    os.kill(pid, signal.SIGSTOP)
    waking = asyncio.create_task(_wake(pid))
    urls = {name: f"{env.proxy.url}/{name}" for name in SERVICES}
    environment = programs.inherited() | programs.environment(env.stack.temporal, urls, env.stack.data_dir)
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
