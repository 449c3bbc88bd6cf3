"""Shared by commands that use Temporal: the event loop, the client, signals."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from ordersaga.cli.logs import configure_logs, configure_temporal_logs
from ordersaga.domain.errors import TemporalUnavailable

if TYPE_CHECKING:
    from ordersaga.orders.client import OrderClient

T = TypeVar("T")

_YOUNG = 10_000
"""New objects between two runs of the garbage collector. Python's default of 700 suits short-lived programs."""

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_async(work: Coroutine[Any, Any, T], loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> T:
    """Run a command's coroutine. Raises the first error of an ExceptionGroup, and maps Temporal's RPC errors."""
    configure_logs()
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(work)
    except Exception as error:
        raise _map_error(error) from None


@asynccontextmanager
async def order_client(**temporal: Any) -> AsyncIterator[OrderClient]:
    """A client configured by the environment. Keywords go to `connect`. Raises TemporalUnavailable."""
    from ordersaga.orders.client import OrderClient

    configure_temporal_logs("ERROR")
    async with await OrderClient.connect(**temporal) as client:
        yield client


def spare_collector() -> None:
    """Exclude loaded objects from garbage collection, and run it less often. For long-running programs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)


def on_stop(callback: Callable[[], object]) -> None:
    """Call `callback` on each SIGINT, SIGTERM and SIGHUP."""
    loop = asyncio.get_running_loop()
    for stop in STOPS:
        loop.add_signal_handler(stop, callback)


def _map_error(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    service = sys.modules.get("temporalio.service")
    if service and isinstance(error, service.RPCError):
        return TemporalUnavailable(
            f"Temporal reported an error: {error}. Orders that were placed stay placed. "
            "Check with `ordersaga doctor`, then run the command again: nothing is done twice."
        )
    return error
