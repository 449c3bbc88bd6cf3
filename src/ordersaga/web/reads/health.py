"""Whether what orders need answers: Temporal, a worker, the services."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
from temporalio.client import Client

from ordersaga.domain.errors import OrdersagaError, ServiceUnavailable
from ordersaga.domain.result import Answer
from ordersaga.orders.connection import pollers, translate_rpc_errors
from ordersaga.orders.service_clients.health import check_service

SECONDS = 3.0
"""How long each may take to answer."""


class Health(Answer):
    """What answers, and in `problems` what to say about each that does not."""

    temporal: bool
    worker: bool
    """Whether one has asked for orders within the last minute, as far as is known."""
    services: dict[str, bool]
    problems: list[str] = []

    @property
    def ok(self) -> bool:
        """Whether everything answers."""
        return not self.problems


async def check_health(
    temporal: Client, task_queue: str, urls: Mapping[str, str], session: aiohttp.ClientSession
) -> Health:
    """Ask all of them. Raises nothing."""
    workers, *services = await asyncio.gather(
        _workers(temporal, task_queue), *(_answers(session, url) for url in urls.values())
    )
    answering = dict(zip(urls, services, strict=True))
    problems = [workers] if isinstance(workers, str) else []
    if workers == 0:
        problems.append(
            f"No worker asks for orders on task queue {task_queue}: they wait. Start one with `ordersaga worker`."
        )
    problems += [f"The {name} service does not answer at {urls[name]}." for name, ok in answering.items() if not ok]
    return Health(
        temporal=not isinstance(workers, str),
        worker=isinstance(workers, int) and workers > 0,
        services=answering,
        problems=problems,
    )


async def _workers(temporal: Client, task_queue: str) -> int | str:
    try:
        with translate_rpc_errors():
            async with asyncio.timeout(SECONDS):
                return len(await pollers(temporal, task_queue))
    except OrdersagaError as error:
        return str(error)
    except Exception as error:
        return f"Temporal does not answer: {error or f'nothing came within {SECONDS:g} s'}."


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        await check_service(session, url, SECONDS)
    except ServiceUnavailable:
        return False
    return True
