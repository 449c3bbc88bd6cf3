"""What commands that talk to Temporal have in common."""

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
"""New objects between two rounds of the garbage collector; Python's own 700 suit a program that is soon over."""

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_async(work: Coroutine[Any, Any, T], loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> T:
    """Run a command's coroutine. Of errors that came together it raises the first; Temporal's are put in our words."""
    configure_logs()
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(work)
    except Exception as error:
        raise _in_our_words(error) from None


@asynccontextmanager
async def order_client(**temporal: Any) -> AsyncIterator[OrderClient]:
    """The client that the environment names; keywords go to `connect`. Raises TemporalUnavailable."""
    from ordersaga.orders.client import OrderClient

    configure_temporal_logs("ERROR")
    async with await OrderClient.connect(**temporal) as client:
        yield client


def spare_collector() -> None:
    """Keep the garbage collector off what has been loaded, and call it less often. For programs that run on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)


def on_stop(tell: Callable[[], object]) -> None:
    """Have `tell` called by Ctrl-C, SIGTERM and the end of the terminal, as often as they come."""
    loop = asyncio.get_running_loop()
    for stop in STOPS:
        loop.add_signal_handler(stop, tell)


def _in_our_words(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    service = sys.modules.get("temporalio.service")
    if service and isinstance(error, service.RPCError):
        return TemporalUnavailable(
            f"Temporal did not answer as it should: {error}. What was placed before stays placed. "
            "Look with `ordersaga doctor`, then do it again: nothing is done twice."
        )
    return error
