"""`ordersaga doctor`: checks what ordersaga needs, and says how to fix each problem."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from stat import S_IROTH, S_IWGRP, S_IWOTH
from typing import TYPE_CHECKING, Annotated

import typer

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit
from ordersaga.cli.extras import Extra, is_installed
from ordersaga.cli.finding import Finding, ok, problem
from ordersaga.cli.output import AsJson
from ordersaga.cli.run import run_async
from ordersaga.domain.errors import OrdersagaError, ServiceUnavailable

if TYPE_CHECKING:
    from temporalio.client import Client

    from ordersaga.settings import Settings

OLDEST_PYTHON = (3, 11)
SERVICE_SECONDS = 5.0
OTHERS_WRITE = S_IWGRP | S_IWOTH
CLOCK_SECONDS = 5.0
"""The allowed difference between this clock and that of a service."""


def doctor(
    data_dir: Annotated[Path, typer.Option(metavar="DIR", help="The data directory of `ordersaga up`.")] = Path(
        ".ordersaga"
    ),
    as_json: AsJson = False,
) -> int:
    """Check everything that ordersaga needs, and say how to fix each problem.

    Changes nothing. Exit code 3: something is not responding. 1: there is another problem.
    """
    return run_async(_doctor(data_dir, as_json))


async def _doctor(data_dir: Path, as_json: bool) -> int:
    found = [finding async for finding in _findings(data_dir)]
    if as_json:
        for finding in found:
            output.emit(asdict(finding))
    else:
        output.table(("check", "state", "details"), ((item.name, item.state, item.detail) for item in found))
        for finding in found:
            if finding.do:
                output.line(f"\n{finding.name}: {finding.do}")
    if not all(finding.answers for finding in found):
        return Exit.NO_ANSWER
    return Exit.OK if all(finding.state == "ok" for finding in found) else Exit.NO


async def _findings(data_dir: Path) -> AsyncIterator[Finding]:
    from ordersaga.settings import load_settings

    yield _python()
    yield _extras()
    yield _folder(data_dir)
    try:
        settings = load_settings()
    except OrdersagaError as error:
        yield problem("settings", str(error), "Set the variables as docs/reference/settings.md says, or unset them.")
        return
    yield ok("settings", f"task queue {settings.task_queue}")
    yield ok("database", f"{settings.shown_database}, used by `ordersaga services`")
    yield _keys(settings)
    async for finding in _temporal(settings):
        yield finding
    for finding in await _services(settings):
        yield finding


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info >= OLDEST_PYTHON:
        return ok("python", f"{version} at {sys.executable}")
    return problem("python", version, "Install Python 3.11 or later, and install ordersaga with it.")


def _extras() -> Finding:
    """Which extras are installed. A missing one is not a problem by itself: a worker needs none."""
    missing = ", ".join(extra for extra in Extra if not is_installed(extra))
    if not missing:
        return ok("extras", f"{', '.join(Extra)}")
    return ok(
        "extras", f'without {missing}; clients and workers need none. To install all: pip install "ordersaga[local]"'
    )


def _folder(data_dir: Path) -> Finding:
    place = data_dir.resolve()
    name = "data directory"
    if not place.exists():
        parent = next(folder for folder in place.parents if folder.exists())
        if os.access(parent, os.W_OK):
            return ok(name, f"{place}, which `ordersaga up` will create")
    elif place.is_dir() and os.access(place, os.W_OK):
        return ok(name, str(place))
    return problem(name, f"{place} cannot be written", "Choose another with --data-dir.")


def _keys(settings: Settings) -> Finding:
    from ordersaga.web.access import KeyRing

    name, file = "api keys", settings.api_keys
    if file is None:
        return ok(name, "none: `ordersaga api` serves this machine only")
    try:
        KeyRing.open(file)
    except OrdersagaError as error:
        return problem(name, str(error), "Create one with `ordersaga api-key`, or unset ORDERSAGA_API_KEYS.")
    mode = Path(file).stat().st_mode
    if mode & OTHERS_WRITE:
        return problem(name, f"{file} can be changed by other users, who can add keys", f"Run `chmod 600 {file}`.")
    if mode & S_IROTH:
        return problem(name, f"{file} can be read by all users of this machine", f"Run `chmod 600 {file}`.")
    return ok(name, file)


async def _temporal(settings: Settings) -> AsyncIterator[Finding]:
    from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
    from temporalio.service import RPCError

    from ordersaga.cli.logs import configure_temporal_logs
    from ordersaga.cli.watcher import watcher_findings
    from ordersaga.orders.connection import connect

    configure_temporal_logs("ERROR")
    try:
        client = await connect()
    except OrdersagaError as error:
        yield problem("temporal", str(error), "Start it with `ordersaga up`, or set TEMPORAL_ADDRESS.", answers=False)
        return
    try:
        info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
        address = client.service_client.config.target_host
        yield ok("temporal", f"version {info.server_version} at {address}, namespace {client.namespace}")
        yield await _search_attributes(client)
        yield await _workers(client, settings.task_queue)
        async for finding in watcher_findings(client, settings.task_queue):
            yield finding
    except RPCError as error:
        yield problem(
            "temporal", f"namespace {client.namespace}: {error}", "Create it, or set TEMPORAL_NAMESPACE.", answers=False
        )


async def _search_attributes(client: Client) -> Finding:
    from ordersaga.orders.search_attributes import NAMES, creation_command, missing_search_attributes

    missing = await missing_search_attributes(client)
    if not missing:
        return ok("search attributes", ", ".join(NAMES))
    advice = f"A worker adds them, or run `{creation_command(client, missing)}`."
    return problem("search attributes", f"missing: {', '.join(missing)}", advice)


async def _workers(client: Client, task_queue: str) -> Finding:
    from ordersaga.cli.watcher import worker_answers
    from ordersaga.orders.connection import pollers

    if polling := await pollers(client, task_queue):
        if not await worker_answers(client, task_queue):
            return problem(
                "worker",
                f"{len(polling)} on task queue {task_queue}, none responding: {', '.join(polling)}",
                "Check whether they are stopped, frozen or failing, and their logs. Orders wait until one responds.",
                False,
            )
        return ok("worker", f"{len(polling)} on task queue {task_queue}: {', '.join(polling)}")
    return problem(
        "worker",
        f"none on task queue {task_queue}",
        "Start one with `ordersaga worker`. Orders wait until then.",
        False,
    )


async def _services(settings: Settings) -> list[Finding]:
    from ordersaga.orders.service_clients.health import check_service
    from ordersaga.orders.service_clients.http import open_session

    async with open_session() as session:

        async def check(name: str, url: str) -> tuple[Finding, float | None]:
            try:
                headers = await check_service(session, url, SERVICE_SECONDS)
            except ServiceUnavailable as error:
                do = f"Start it with `ordersaga services --only {name}`, or set ORDERSAGA_{name.upper()}_URL."
                return problem(name, str(error), do, answers=False), None
            return ok(name, url), _seconds_apart(headers.get("Date"))

        checked = await asyncio.gather(*(check(name, url) for name, url in settings.service_urls().items()))
    apart = max((seconds for _, seconds in checked if seconds is not None), default=None)
    return [*(finding for finding, _ in checked), *([] if apart is None else [_clock(apart)])]


def _seconds_apart(date: str | None) -> float | None:
    try:
        return abs((datetime.now(UTC) - parsedate_to_datetime(date or "")).total_seconds())
    except (TypeError, ValueError):
        return None


def _clock(apart: float) -> Finding:
    if apart <= CLOCK_SECONDS:
        return ok("clock", "agrees with the services' clocks")
    return problem("clock", f"{apart:.0f} s apart from a service's clock", "Synchronize both with a time server (NTP).")
