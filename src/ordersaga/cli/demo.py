"""`ordersaga demo`: places real orders on the whole stack, and checks the books at the end."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit
from ordersaga.cli.extras import Extra, require
from ordersaga.cli.logs import configure_temporal_logs
from ordersaga.cli.output import AsJson
from ordersaga.cli.run import on_stop, run_async

if TYPE_CHECKING:
    from rich.console import Console

    from ordersaga.demo import DemoRun
    from ordersaga.stack import Stack

NEWS_SECONDS = 0.25
PLAIN_NEWS_SECONDS = 5.0


def demo(
    orders: Annotated[
        int, typer.Option(min=20, max=200, metavar="N", help="How many orders to place, 20 to 200.")
    ] = 200,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the stack running until Ctrl-C, so that you can explore it.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Place 200 real orders on a temporary stack, inject faults, and check the books.

    Starts Temporal, the services and a worker on free ports, with their data in a temporary folder. Exit code 0
    means that every order ended as expected and the books balance.
    """
    require(Extra.LOCAL, "demo")
    return run_async(_demo(orders, keep, as_json))


async def _demo(count: int, keep: bool, as_json: bool) -> int:
    from ordersaga.demo import DemoRun, demo_scenarios
    from ordersaga.stack import Stack, StackOptions
    from ordersaga.stack.dev_server import free_port
    from ordersaga.stack.faults import FaultProxy

    configure_temporal_logs("ERROR")
    # The worker is killed on purpose, which the screen shows.
    logging.getLogger("ordersaga.stack").setLevel(logging.ERROR)
    this = asyncio.current_task()
    assert this
    on_stop(this.cancel)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ordersaga-demo-", ignore_cleanup_errors=True) as folder:
        output.message("Starting Temporal, the services and a worker …")
        async with FaultProxy(f"http://127.0.0.1:{port}") as proxy:
            options = StackOptions(Path(folder), 0, 0, port, worker_calls=proxy.url, api_port=0 if keep else None)
            try:
                async with Stack(options) as stack, DemoRun.on(stack, proxy, demo_scenarios(count)) as demo_run:
                    await _watch(demo_run)
                    code = await _report(demo_run, stack, keep, as_json)
                    if keep:
                        await _keep_running(stack)
            except asyncio.CancelledError:
                output.message("Stopped. All processes and data were removed.")
                return Exit.OK if keep else Exit.INTERRUPTED
    return code


async def _watch(demo_run: DemoRun) -> None:
    """Run the demo and show its progress: a live screen in a terminal, otherwise a line every few seconds."""
    from rich.live import Live

    from ordersaga.demo import screen

    running = asyncio.create_task(demo_run.run())
    terminal = sys.stderr.isatty()
    try:
        with Live(console=_console(stderr=True), transient=True) if terminal else _Plain() as live:
            while not running.done():
                await asyncio.wait([running], timeout=NEWS_SECONDS if terminal else PLAIN_NEWS_SECONDS)
                if isinstance(live, _Plain):
                    live.print(demo_run)
                else:
                    live.update(screen.progress(demo_run.scenarios, demo_run.news))
    finally:
        running.cancel()
    await running


class _Plain:
    """Shows the progress without a terminal."""

    def __init__(self) -> None:
        self._printed = ""

    def __enter__(self) -> _Plain:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def print(self, demo_run: DemoRun) -> None:
        """Print the progress, and news since the last call."""
        output.message(f"{demo_run.ended} of {len(demo_run.scenarios)} orders have ended")
        if demo_run.news != self._printed:
            self._printed = demo_run.news
            output.message(self._printed)


async def _report(demo_run: DemoRun, stack: Stack, keep: bool, as_json: bool) -> int:
    from ordersaga.demo import screen

    books = await demo_run.books()
    if as_json:
        output.emit(screen.as_json(demo_run.scenarios, books))
    else:
        console = _console()
        console.print(screen.outcomes(demo_run.scenarios, stack.ui if keep else None))
        screen.show_books(console, demo_run.scenarios, books)
        if not keep:
            console.print("To explore the orders in the dashboard, run `make demo ARGS=--keep`.")
    mismatched = any(scenario.mismatch for scenario in demo_run.scenarios)
    return Exit.OK if books.balanced and not mismatched else Exit.NO


async def _keep_running(stack: Stack) -> None:
    from ordersaga.demo import screen

    output.message(f"Dashboard: {stack.api}")
    output.message(f"Temporal's Web UI: {screen.orders_page(stack.ui)}/order-…\nTemporal: {stack.temporal}")
    output.message("Press Ctrl-C to stop everything.")
    await asyncio.Event().wait()


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)
