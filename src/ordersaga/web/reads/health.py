"""Checks whether Temporal, a worker and the services respond."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
from temporalio.client import Client

from ordersaga.domain.errors import OrdersagaError, ServiceUnavailable
from ordersaga.domain.result import Answer
from ordersaga.orders.connection import pollers, translate_rpc_errors
from ordersaga.orders.service_clients.health import check_service

TIMEOUT_SECONDS = 3.0
"""The time limit of each check."""


class Health(Answer):
    """What is responding. `problems` describes each part that is not."""

    temporal: bool
    worker: bool
    """Whether a worker has polled the task queue within the last minute, if known."""
    services: dict[str, bool]
    problems: list[str] = []

    @property
    def ok(self) -> bool:
        """Whether everything is responding."""
        return not self.problems


async def check_health(
    temporal: Client, task_queue: str, urls: Mapping[str, str], session: aiohttp.ClientSession
) -> Health:
    """Run all checks in parallel. Raises nothing."""
    workers, *services = await asyncio.gather(
        _workers(temporal, task_queue), *(_responds(session, url) for url in urls.values())
    )
    responding = dict(zip(urls, services, strict=True))
    problems = [workers] if isinstance(workers, str) else []
    if workers == 0:
        problems.append(
            f"No worker is running on task queue {task_queue}: orders wait. Start one with `ordersaga worker`."
        )
    problems += [f"The {name} service is not responding at {urls[name]}." for name, ok in responding.items() if not ok]
    return Health(
        temporal=not isinstance(workers, str),
        worker=isinstance(workers, int) and workers > 0,
        services=responding,
        problems=problems,
    )


async def _workers(temporal: Client, task_queue: str) -> int | str:
    try:
        with translate_rpc_errors():
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return len(await pollers(temporal, task_queue))
    except OrdersagaError as error:
        return str(error)
    except Exception as error:
        return f"Temporal is not responding: {error or f'no response within {TIMEOUT_SECONDS:g} s'}."


async def _responds(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        await check_service(session, url, TIMEOUT_SECONDS)
    except ServiceUnavailable:
        return False
    return True
