"""What Temporal stores for an order, and what Temporal Cloud would bill for it."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import aiohttp
from temporalio.client import Client

from bench.temporal import TemporalServer
from ordersaga.orders.connection import connect
from ordersaga.stack.programs import HOST

NAMESPACE = "default"
LOOK_PAUSE = 0.5
PUBLISHED_AFTER = 2.0
ACTIONS = "action"
"""The server's counter of billable actions (docs.temporal.io/cloud/migrate/estimate-actions): workflow and schedule
starts, signals, updates, queries, heartbeats, the commands of workflow tasks, activity retries, and one for all local
activities of a workflow task. According to Temporal it approximates the bill of Temporal Cloud."""

_SAMPLE = re.compile(r"^(\w+)\{(.*)\} ([-+.\deE]+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Run:
    """One run of a workflow."""

    workflow_id: str
    started: datetime
    closed: datetime | None
    events: int
    size: int
    """In bytes."""


def actions_in(metrics: str) -> Counter[str]:
    """The billable actions so far by type, from the server's Prometheus metrics."""
    found: Counter[str] = Counter()
    for name, labels, value in _SAMPLE.findall(metrics):
        if name == ACTIONS:
            of = dict(_LABEL.findall(labels))
            if of.get("namespace") == NAMESPACE:
                found[of.get("action_type", "?")] += int(float(value))
    return found


async def actions(server: TemporalServer) -> Counter[str]:
    """The billable actions so far, by type. Takes two seconds, because the server publishes once a second."""
    metrics = f"http://{HOST}:{server.metrics_port}/metrics"
    await asyncio.sleep(PUBLISHED_AFTER)
    async with aiohttp.ClientSession() as session, session.get(metrics) as answer:
        return actions_in(await answer.text())


async def runs(server: TemporalServer) -> list[Run]:
    """Every run that the server knows, with the size of its history. The server's list is about a second behind."""
    client: Client = await connect(target_host=server.address, namespace=NAMESPACE)
    return [
        Run(
            execution.id,
            execution.start_time,
            execution.close_time,
            execution.raw_info.history_length,
            execution.raw_info.history_size_bytes,
        )
        async for execution in client.list_workflows()
    ]


async def ended(server: TemporalServer, orders: Sequence[str], patience: float) -> dict[str, list[Run]]:
    """The runs of each of these orders, when all are listed as ended or after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        found = of_orders(await runs(server), orders)
        if all(own and all(run.closed for run in own) for own in found.values()) or time.monotonic() > deadline:
            return found
        await asyncio.sleep(LOOK_PAUSE)


def of_orders(runs: Iterable[Run], orders: Iterable[str]) -> dict[str, list[Run]]:
    """The runs of each of these orders: those with its id in their workflow id."""
    found: dict[str, list[Run]] = {order: [] for order in orders}
    for run in runs:
        for order in re.findall(r"[a-z]+-\d{6}", run.workflow_id):
            if order in found:
                found[order].append(run)
    return found
