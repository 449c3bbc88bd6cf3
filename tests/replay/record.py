"""`make histories`: runs the cases that have no history yet, and records them. It never overwrites one.

Each case runs twice: with a worker that has the SDK's logic flag 2 off, and with one that has it on.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio.client import Client

from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.search_attributes import ensure_search_attributes
from ordersaga.orders.worker import order_worker
from ordersaga.settings import SERVICES, load_settings
from ordersaga.stack.dev_server import temporal_server
from ordersaga.stack.faults import FaultProxy
from resilience.logic_flags import single_batch
from tests.replay.case_run import CaseRun
from tests.replay.histories import path_of, write
from tests.replay.recorded_cases import RECORDED_CASES
from tests.services.harness import serving
from tests.workflow.environment import OrderEnvironment

AT_ONCE = 6
IDENTITY = "recorder"
"""Replaces the process and the machine in every recorded history."""


@asynccontextmanager
async def recording_environment(batched: bool) -> AsyncIterator[tuple[Client, OrderEnvironment, FaultProxy]]:
    """A Temporal server, the services behind a fault proxy, and a worker that has the flag on or off."""
    with TemporaryDirectory() as folder, single_batch(batched):
        async with temporal_server() as address, serving(Path(folder)) as services, FaultProxy(services) as proxy:
            settings = load_settings(**{f"{name}_url": f"{proxy.url}/{name}" for name in SERVICES})
            temporal = await connect(target_host=address, identity=IDENTITY)
            await ensure_search_attributes(temporal)
            orders = OrderClient(temporal, settings)
            async with order_worker(temporal, settings), OrderEnvironment.open(orders, settings) as env:
                yield temporal, env, proxy


async def record(names: list[str], batched: bool) -> None:
    """Run these cases, a few at a time, and write their histories."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, run: CaseRun) -> None:
        async with places:
            history = await RECORDED_CASES[name].record(run)
        path = path_of(name, single_batch=batched)
        write(path, history)
        sys.stdout.write(f"{path.parent.name}/{name}: {len(history.events)} events\n")

    async with recording_environment(batched) as (temporal, env, proxy):
        await asyncio.gather(*(one(name, CaseRun(name, temporal, env, proxy)) for name in names))


def main() -> None:
    """Record what is missing."""
    logging.getLogger("temporalio.activity").disabled = True  # These failures are intended.
    recorded = 0
    for batched in (False, True):
        missing = [name for name in RECORDED_CASES if not path_of(name, single_batch=batched).exists()]
        if missing:
            asyncio.run(record(missing, batched))
        recorded += len(missing)
    sys.stdout.write(f"{recorded} histories recorded. Those that were there are as they were.\n")


if __name__ == "__main__":
    main()
