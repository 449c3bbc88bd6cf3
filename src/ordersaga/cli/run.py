"""What commands that talk to Temporal have in common."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from ordersaga.cli.logs import configure_logs
from ordersaga.domain.errors import TemporalUnavailable

if TYPE_CHECKING:
    from ordersaga.client import OrderClient

T = TypeVar("T")

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine. Of errors that came together it raises the first."""
    configure_logs()
    try:
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        raise _first(group) from None


@asynccontextmanager
async def order_client() -> AsyncIterator[OrderClient]:
    """The client that the environment names. Raises TemporalUnavailable, also when Temporal goes away meanwhile."""
    from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
    from temporalio.service import RPCError

    from ordersaga.client import OrderClient

    # The SDK's native part tells of each call that it retries; what matters of that is raised as an error anyway.
    quiet = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    client = await OrderClient.connect(runtime=Runtime(telemetry=TelemetryConfig(logging=quiet)))
    address = client.temporal.service_client.config.target_host
    try:
        yield client
    except RPCError as error:
        raise TemporalUnavailable(
            f"Temporal at {address} did not answer as it should: {error}. What was placed before stays placed. "
            "Look with `ordersaga doctor`, then do it again: nothing is done twice."
        ) from None


def on_stop(tell: Callable[[], object]) -> None:
    """Have `tell` called by Ctrl-C, SIGTERM and the end of the terminal, as often as they come."""
    loop = asyncio.get_running_loop()
    for stop in STOPS:
        loop.add_signal_handler(stop, tell)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
