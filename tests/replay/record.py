"""`make histories`: performs the plays that have no history yet, and records them. It never overwrites one.

Each play is performed twice: by a worker that has the SDK's logic flag 2 off, and by one that has it on.
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

from ordersaga.client import OrderClient
from ordersaga.connect import connect
from ordersaga.search import ensure_search_attributes
from ordersaga.settings import SERVICES, load_settings
from ordersaga.testing.environment import temporal_server
from ordersaga.testing.faults import FaultProxy
from ordersaga.testing.logic_flags import single_batch
from ordersaga.worker import order_worker
from tests.replay.histories import path_of, write
from tests.replay.plays import PLAYS
from tests.replay.stage import Stage
from tests.services.harness import serving
from tests.workflow.shop import Shop

AT_ONCE = 6
IDENTITY = "recorder"
"""Stands in every history for the process and the machine that recorded it."""


@asynccontextmanager
async def theatre(batched: bool) -> AsyncIterator[tuple[Client, Shop, FaultProxy]]:
    """A Temporal server, the services behind a fault proxy, and a worker that has the flag on or off."""
    with TemporaryDirectory() as folder, single_batch(batched):
        async with temporal_server() as address, serving(Path(folder)) as services, FaultProxy(services) as proxy:
            settings = load_settings(**{f"{name}_url": f"{proxy.url}/{name}" for name in SERVICES})
            temporal = await connect(target_host=address, identity=IDENTITY)
            await ensure_search_attributes(temporal)
            orders = OrderClient(temporal, settings)
            async with order_worker(temporal, settings), Shop.open(orders, settings) as shop:
                yield temporal, shop, proxy


async def record(names: list[str], batched: bool) -> None:
    """Perform these plays, a few at a time, and write their histories."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, stage: Stage) -> None:
        async with places:
            history = await PLAYS[name].perform(stage)
        path = path_of(name, single_batch=batched)
        write(path, history)
        sys.stdout.write(f"{path.parent.name}/{name}: {len(history.events)} events\n")

    async with theatre(batched) as (temporal, shop, proxy):
        await asyncio.gather(*(one(name, Stage(name, temporal, shop, proxy)) for name in names))


def main() -> None:
    """Record what is missing."""
    logging.getLogger("temporalio.activity").disabled = True  # Their failures are meant.
    recorded = 0
    for batched in (False, True):
        missing = [name for name in PLAYS if not path_of(name, single_batch=batched).exists()]
        if missing:
            asyncio.run(record(missing, batched))
        recorded += len(missing)
    sys.stdout.write(f"{recorded} histories recorded. Those that were there are as they were.\n")


if __name__ == "__main__":
    main()
