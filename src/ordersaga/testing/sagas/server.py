"""A Temporal server for an example or a test: the one in the environment, or a new dev server."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import traceback
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from ordersaga.domain.errors import OrdersagaError
from ordersaga.orders.connection import connect
from ordersaga.stack.dev_server import temporal_server


@asynccontextmanager
async def temporal_client() -> AsyncIterator[Client]:
    """A client of the server at TEMPORAL_ADDRESS or, if that is not set, of a dev server that ends with the block."""
    if os.environ.get("TEMPORAL_ADDRESS"):
        yield await connect()
        return
    async with temporal_server() as address:
        yield await connect(target_host=address)


def run_program(main: Coroutine[Any, Any, None]) -> NoReturn:
    """Run a program that shows a saga, and end the process with its exit code.

    Temporal's own logs are turned off, because such a program reports failures itself. The process ends without
    Python's finalization, in which the SDK's threads crash one program in twenty
    (https://github.com/temporalio/sdk-python/issues/300).
    """
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    errors = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=errors)))
    code = 1
    try:
        asyncio.run(main)
        code = 0
    except KeyboardInterrupt:
        code = 130
    except OrdersagaError as error:
        sys.stderr.write(f"{error}\n")
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
