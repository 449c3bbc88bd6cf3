"""The commands that keep running: `up`, `worker`, `services`."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ordersaga.cli import output
from ordersaga.cli.exits import Exit
from ordersaga.cli.output import AsJson
from ordersaga.cli.run import on_stop, run_async
from ordersaga.domain.errors import TemporalUnavailable

if TYPE_CHECKING:
    from temporalio.client import Client

    from ordersaga.stack import Stack, StackOptions

RETRY_PAUSE = 0.5
EXAMPLE_STOCK = '{"MUG-BLUE": 100, "TEA-EARL-GREY": 100}'
"""Enough for examples/order.json."""


def _port(name: str, what: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, min=0, max=65535, help=f"Port of {what}; 0 for any free one.", show_default=True
    )
    return option


def up(
    data_dir: Annotated[Path, typer.Option(help="Where the data and the logs are kept.")] = Path(".ordersaga"),
    temporal_port: Annotated[int, _port("--temporal-port", "Temporal")] = 7233,
    temporal_ui_port: Annotated[int, _port("--temporal-ui-port", "Temporal's Web UI")] = 8233,
    services_port: Annotated[int, _port("--services-port", "the four services")] = 8001,
    as_json: AsJson = False,
) -> int:
    """Run the whole stack on this machine until Ctrl-C: Temporal, the services and a worker.

    What dies is started again. The data is kept: the next `up` goes on with the orders in flight.
    """
    from ordersaga.stack import StackOptions

    options = StackOptions(data_dir, temporal_port, temporal_ui_port, services_port, _postgres_database())
    return run_async(_up(options, as_json))


def worker(
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for Temporal to answer.")] = 0.0,
    as_json: AsJson = False,
) -> int:
    """Run a worker until Ctrl-C; then it takes no more work and lets its activities finish.

    TEMPORAL_ADDRESS, ORDERSAGA_TASK_QUEUE and the services' URLs tell it where things are (docs/settings.md).
    """
    return run_async(_worker(wait, as_json), _fastest_loop())


def services(
    port: Annotated[int, _port("--port", "the services")] = 8001,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    only: Annotated[list[str] | None, typer.Option(help="Run this service; may be repeated.")] = None,
    as_json: AsJson = False,
) -> int:
    """Run the services inventory, payment, shipping and notification until Ctrl-C, or only some of them.

    ORDERSAGA_DATABASE_URL tells where they keep their books (docs/settings.md).
    """
    from ordersaga.cli.logs import configure_logs
    from ordersaga.services.main import serve
    from ordersaga.settings import SERVICES, load_settings

    configure_logs()

    def ready(port: int) -> None:
        urls = {name: f"http://{host}:{port}/{name}" for name in only or SERVICES}
        if as_json:
            output.emit({"ready": True, "port": port, "services": urls, "database": settings.shown_database})
        else:
            output.line("\n".join(f"{name:<14}{url}" for name, url in urls.items()))

    settings = load_settings()
    serve(settings, host, port, only or None, ready)
    return Exit.OK


async def _up(options: StackOptions, as_json: bool) -> int:
    from ordersaga.stack import Stack

    stack, stop = Stack(options), asyncio.Event()
    starting = asyncio.current_task()
    assert starting
    on_stop(starting.cancel)
    output.message(f"Starting Temporal, the services and a worker; their logs go to {stack.log_dir}")
    try:
        async with stack:
            on_stop(stop.set)
            _introduce(stack, as_json)
            await stop.wait()
            on_stop(stack.kill)
            output.message("Stopping; orders in flight go on with the next `ordersaga up`. Ctrl-C again: at once.")
    except asyncio.CancelledError:
        output.message("Stopped before everything ran.")
    return Exit.OK


def _introduce(stack: Stack, as_json: bool) -> None:
    if as_json:
        output.emit(
            {
                "ready": True,
                "temporal": stack.temporal,
                "ui": stack.ui,
                "services": stack.services,
                "database": stack.database,
                "pids": stack.pids,
            }
        )
        return
    lines = [
        f"Temporal      {stack.temporal}",
        f"Web UI        {stack.ui}",
        *(f"{name:<14}{url}" for name, url in stack.services.items()),
        f"data          {stack.data_dir}",
        f"books         {stack.database}",
        "",
        "From another terminal, load stock and place an order:",
        *(f"  export {name}={value}" for name, value in _exports(stack)),
        f"  curl -X PUT {stack.services['inventory']}/stock -H 'content-type: application/json' -d '{EXAMPLE_STOCK}'",
        "  ordersaga place examples/order.json",
        "",
        "Ctrl-C stops it.",
    ]
    output.line("\n".join(lines))


def _postgres_database() -> str | None:
    """The database that the user has set up for the services; a stack has files of its own otherwise."""
    from ordersaga.settings import load_settings

    url = load_settings().database_url
    return url if url.startswith("postgres") else None


def _exports(stack: Stack) -> list[tuple[str, str]]:
    """The variables that a terminal like ours needs to find this stack."""
    from ordersaga.settings import Settings

    usual = {f"ORDERSAGA_{name.upper()}": field.default for name, field in Settings.model_fields.items()}
    usual["TEMPORAL_ADDRESS"] = "127.0.0.1:7233"
    return [
        (name, value)
        for name, value in stack.environment.items()
        if name == "TEMPORAL_ADDRESS" or (name.endswith("_URL") and name != "ORDERSAGA_DATABASE_URL")
        if (os.environ.get(name) or usual[name]) != value
    ]


async def _worker(wait: float, as_json: bool) -> int:
    from ordersaga.cli.logs import configure_temporal_logs
    from ordersaga.settings import load_settings
    from ordersaga.worker import run_worker

    configure_temporal_logs("WARN")
    settings = load_settings()
    stop = asyncio.Event()
    on_stop(stop.set)
    client = await _connect(wait, stop)
    if client is None:
        return Exit.OK

    def ready() -> None:
        queue, namespace = settings.task_queue, client.namespace
        if as_json:
            output.emit({"ready": True, "task_queue": queue, "namespace": namespace})
        else:
            output.line(f"Taking orders from task queue {queue} in namespace {namespace}")

    await run_worker(client, settings, stop, ready)
    return Exit.OK


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


async def _connect(patience: float, stop: asyncio.Event) -> Client | None:
    """The connection to Temporal, which may take `patience` seconds to answer; None if `stop` was set meanwhile."""
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

    from ordersaga.connect import connect

    client = await connect()
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        raise TemporalUnavailable(
            f"Temporal answers, but not for a worker in namespace {client.namespace}: {error} Nothing was started. "
            "Set TEMPORAL_NAMESPACE, or create the namespace."
        ) from None
    return client
