"""The commands that run one server until Ctrl-C: `worker`, `services`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit
from ordersaga.cli.extras import Extra, require
from ordersaga.cli.output import AsJson
from ordersaga.cli.ports import port_option, url_of
from ordersaga.cli.run import on_stop, run_async, spare_collector
from ordersaga.domain.errors import TemporalUnavailable

if TYPE_CHECKING:
    from temporalio.client import Client

RETRY_PAUSE = 0.5


def worker(
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for Temporal to respond.")
    ] = 0.0,
    as_json: AsJson = False,
) -> int:
    """Run a worker until Ctrl-C.

    On Ctrl-C it finishes its activities and stops. TEMPORAL_ADDRESS, ORDERSAGA_TASK_QUEUE and the services' URLs say
    what it connects to (docs/reference/settings.md).
    """
    return run_async(_worker(wait, as_json), _fastest_loop())


def services(
    port: Annotated[int, port_option("--port", "the services")] = 8001,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Run this service; may be repeated.")] = None,
    as_json: AsJson = False,
) -> int:
    """Run the services, or some of them, until Ctrl-C.

    They are register, inventory, payment, shipping and notification. ORDERSAGA_DATABASE_URL is their database
    (docs/reference/settings.md).
    """
    require(Extra.SERVICES, "services")
    from ordersaga.cli.logs import configure_logs
    from ordersaga.services.main import serve
    from ordersaga.settings import SERVICES, load_settings

    configure_logs()

    def ready(port: int) -> None:
        spare_collector()
        urls = {name: f"{url_of(host, port)}/{name}" for name in only or SERVICES}
        if as_json:
            output.emit({"ready": True, "port": port, "services": urls, "database": settings.shown_database})
        else:
            output.line("\n".join(f"{name:<14}{url}" for name, url in urls.items()))

    settings = load_settings()
    serve(settings, host, port, only or None, ready)
    return Exit.OK


async def _worker(wait: float, as_json: bool) -> int:
    from ordersaga.cli.logs import configure_temporal_logs
    from ordersaga.orders.worker import run_worker
    from ordersaga.settings import load_settings

    configure_temporal_logs("WARN")
    settings = load_settings()
    stop = asyncio.Event()
    on_stop(stop.set)
    client = await _connect(wait, stop)
    if client is None:
        return Exit.OK

    def ready() -> None:
        spare_collector()
        queue, namespace = settings.task_queue, client.namespace
        if as_json:
            output.emit({"ready": True, "task_queue": queue, "namespace": namespace})
        else:
            output.line(f"Worker is running on task queue {queue} in namespace {namespace}")

    await run_worker(client, settings, stop, ready)
    return Exit.OK


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


async def _connect(patience: float, stop: asyncio.Event) -> Client | None:
    """Connect to Temporal, waiting up to `patience` seconds for it. Returns None if `stop` is set meanwhile."""
    deadline = time.monotonic() + patience
    while not stop.is_set():
        try:
            return await _client_of_a_namespace()
        except TemporalUnavailable:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(RETRY_PAUSE)
    return None


async def _client_of_a_namespace() -> Client:
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
    from temporalio.service import RPCError

    from ordersaga.orders.connection import connect

    client = await connect()
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        raise TemporalUnavailable(
            f"Temporal is responding, but namespace {client.namespace} is not usable: {error}. Nothing was started. "
            "Set TEMPORAL_NAMESPACE, or create the namespace."
        ) from None
    return client
