"""Celery on Redis: a worker with a pool of processes, and a client that sends chains and waits for their results."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.metadata import version as version_of

from bench.engine import Engine, EngineConfig, Part, Place
from bench.peers import redis
from bench.peers.orders import environment
from ordersaga.domain.order import OrderInput
from ordersaga.stack.child import Program

MOST_IN_FLIGHT = 256
GRACE_SECONDS = 20
CONCURRENCY = "4"
"""The size of the pool: two processes per core, because a task mostly waits for a service or for Redis."""
RESULT_SECONDS = 600
_BROKER = "CELERY_BROKER_URL"


class _Celery:
    name = "celery"
    title = "Celery on Redis"
    ports = 1
    promises = (
        "A task whose worker is killed is done again, with those that follow, but only when Redis's visibility timeout "
        "is over (60 s here, 1 h by default). An order reads as failed before its undos have run, and nobody waits for "
        "them; they are retried without limit. Cancelling undoes nothing; an undo that is too late ends the undoing."
    )

    def version(self) -> str:
        return f"Celery {version_of('celery')}, {redis.version()}"

    def parts(self, config: EngineConfig) -> list[Part]:
        command = [
            *(sys.executable, "-m", "celery", "-A", "bench.peers.celery_app", "worker", "--loglevel", "WARNING"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            *("--pool", "prefork", "--concurrency", CONCURRENCY),
        ]
        where = environment(config.services) | {_BROKER: redis.url(config.ports[0])}
        return [
            redis.redis(config.folder, config.ports[0]),
            Part("worker", Program("worker", command, GRACE_SECONDS), where),
        ]

    @asynccontextmanager
    async def client(self, config: EngineConfig) -> AsyncIterator[Place]:
        os.environ[_BROKER] = redis.url(config.ports[0])
        from bench.peers.celery_app import saga

        def process(order: OrderInput) -> None:
            saga(order).apply_async().get(timeout=RESULT_SECONDS)

        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(MOST_IN_FLIGHT, "celery-client") as waiting:

            async def place(order: OrderInput) -> None:
                await loop.run_in_executor(waiting, process, order)

            yield place


CELERY: Engine = _Celery()
