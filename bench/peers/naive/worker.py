"""The naive saga's worker, with the SDK's defaults. TEMPORAL_ADDRESS says where the server is."""

from __future__ import annotations

import asyncio
import os
import signal

from temporalio.client import Client
from temporalio.worker import Worker

from bench.peers.naive.activities import ACTIVITIES
from bench.peers.naive.workflow import OrderSagaWorkflow

TASK_QUEUE = "orders"


async def main() -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[OrderSagaWorkflow], activities=ACTIVITIES):
        print('{"ready": true}', flush=True)  # noqa: T201
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
