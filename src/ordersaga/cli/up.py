"""`ordersaga up`: the whole stack on this machine."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit
from ordersaga.cli.extras import Extra, require
from ordersaga.cli.output import AsJson
from ordersaga.cli.ports import port_option
from ordersaga.cli.run import on_stop, run_async

if TYPE_CHECKING:
    from ordersaga.stack import Stack, StackOptions

EXAMPLE_STOCK = '{"MUG-BLUE": 100, "TEA-EARL-GREY": 100}'
"""Enough to place examples/order.json several times."""


def up(
    data_dir: Annotated[Path, typer.Option(metavar="DIR", help="The directory for data and logs.")] = Path(
        ".ordersaga"
    ),
    api_port: Annotated[int, port_option("--api-port", "the dashboard and the API")] = 8000,
    temporal_port: Annotated[int, port_option("--temporal-port", "Temporal")] = 7233,
    temporal_ui_port: Annotated[int, port_option("--temporal-ui-port", "Temporal's Web UI")] = 8233,
    services_port: Annotated[int, port_option("--services-port", "the services")] = 8001,
    as_json: AsJson = False,
) -> int:
    """Run the whole stack on this machine until Ctrl-C.

    The stack is Temporal, the services, a worker, the API and the dashboard. Processes that die are restarted. The
    data is kept: the next `up` continues the orders in progress.
    """
    require(Extra.LOCAL, "up")
    from ordersaga.stack import StackOptions

    options = StackOptions(
        data_dir, temporal_port, temporal_ui_port, services_port, _postgres_database(), api_port=api_port
    )
    return run_async(_up(options, as_json))


async def _up(options: StackOptions, as_json: bool) -> int:
    from ordersaga.stack import Stack

    stack, stop = Stack(options), asyncio.Event()
    starting = asyncio.current_task()
    assert starting
    on_stop(starting.cancel)
    output.message(f"Starting Temporal, the services, a worker and the API. Logs: {stack.log_dir}")
    try:
        async with stack:
            on_stop(stop.set)
            _introduce(stack, as_json)
            await stop.wait()
            on_stop(stack.kill)
            output.message(
                "Stopping. Orders in progress continue with the next `ordersaga up`. Ctrl-C again stops at once."
            )
    except asyncio.CancelledError:
        output.message("Stopped before everything was running.")
    return Exit.OK


def _introduce(stack: Stack, as_json: bool) -> None:
    if as_json:
        output.emit(
            {
                "ready": True,
                "api": stack.api,
                "temporal": stack.temporal,
                "ui": stack.ui,
                "services": stack.services,
                "database": stack.database,
                "pids": stack.pids,
            }
        )
        return
    lines = [
        f"Dashboard     {stack.api}",
        f"API           {stack.api}/v1",
        f"Temporal      {stack.temporal}",
        f"Web UI        {stack.ui}",
        *(f"{name:<14}{url}" for name, url in stack.services.items()),
        f"data          {stack.data_dir}",
        f"books         {stack.database}",
        "",
        "In another terminal, load stock, place an order, and look at it:",
        "",
        *_first_commands(stack),
        "",
        "Press Ctrl-C to stop the stack.",
    ]
    output.line("\n".join(lines))


def _first_commands(stack: Stack) -> Iterator[str]:
    """Commands that work as printed, in any directory and outside our virtual environment."""
    from ordersaga.demo.retail import example_order_file
    from ordersaga.domain.order import parse_order

    order, program = example_order_file(), _program()
    for name, value in _exports(stack):
        yield f"export {name}={shlex.quote(value)}"
    yield f"curl -fsS -w '\\n' -X PUT {stack.services['inventory']}/stock -H 'content-type: application/json' \\"
    yield f"     -d '{EXAMPLE_STOCK}'"
    yield f"{program} place {shlex.quote(str(order))}"
    yield f"{program} show {parse_order(order.read_text(encoding='utf-8')).order_id}"


def _program() -> str:
    """How to run this program in another terminal: by name if that works there, otherwise by path."""
    script = Path(sysconfig.get_path("scripts"), "ordersaga")
    named = shutil.which("ordersaga")
    in_another_terminal = named and (sys.prefix == sys.base_prefix or Path(named).parent != script.parent)
    if in_another_terminal and script.exists() and Path(str(named)).samefile(script):
        return "ordersaga"
    return shlex.quote(str(script))


def _postgres_database() -> str | None:
    """The PostgreSQL database in the settings; None lets the stack use its own files."""
    from ordersaga.settings import load_settings

    url = load_settings().database_url
    return url if url.startswith("postgres") else None


def _exports(stack: Stack) -> list[tuple[str, str]]:
    """The variables that another terminal needs to find this stack."""
    from ordersaga.settings import Settings

    usual = {f"ORDERSAGA_{name.upper()}": field.default for name, field in Settings.model_fields.items()}
    usual |= {"TEMPORAL_ADDRESS": "127.0.0.1:7233", "TEMPORAL_NAMESPACE": "default"}
    pages = {"ORDERSAGA_DASHBOARD_URL": stack.api, "ORDERSAGA_TEMPORAL_UI_URL": stack.ui}
    return [
        (name, value)
        for name, value in (stack.environment | pages).items()
        if value
        and (
            name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE")
            or (name.endswith("_URL") and name != "ORDERSAGA_DATABASE_URL")
        )
        if (os.environ.get(name) or usual[name]) != value
    ]
