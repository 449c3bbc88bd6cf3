"""Restate's server: a native program that npm installs into its own folder on first use."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path

import aiohttp

from bench.peers.orders import ROOT
from ordersaga.stack.child import Program
from ordersaga.stack.programs import HOST

PACKAGE = "@restatedev/restate-server"
VERSION = "1.7.12"
FOLDER = ROOT / ".bench" / f"restate-{VERSION}"
INSTALL_SECONDS = 300
PAUSE = 0.1

SETTINGS = {
    "RESTATE_LISTEN_MODE": "tcp",
    "RESTATE_BIND_IP": HOST,
    "RESTATE_NODE_NAME": "bench",
    "RESTATE_LOG_FILTER": "warn",
    "RESTATE_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    # Measured: 15 % less CPU per order than with the default of 24, which is meant for a cluster.
    "RESTATE_DEFAULT_NUM_PARTITIONS": "4",
    # The default, made explicit: an order's journal is on disk before its next step starts.
    "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL_FSYNC": "false",
}


class ServerMissing(ImportError):
    """Restate's server is not installed and cannot be installed."""


def installed() -> Path:
    """The path of the server, which npm installs if it is missing. Raises ServerMissing."""
    if not _found():
        _install()
    found = _found()
    if found is None:
        raise ServerMissing(f"npm installed {PACKAGE} {VERSION} in {FOLDER}, but it has no program for this machine.")
    return found


def server(data: Path, ingress: int, admin: int, node: int) -> tuple[Program, dict[str, str]]:
    """The server and its environment. It is ready when it accepts orders and deployments."""
    environment = SETTINGS | {
        "RESTATE_BASE_DIR": str(data),
        "RESTATE_BIND_PORT": str(node),
        "RESTATE_INGRESS__BIND_PORT": str(ingress),
        "RESTATE_ADMIN__BIND_PORT": str(admin),
    }

    async def answers(_process: Process, ready: Callable[[], None]) -> None:
        await until_ok("GET", f"http://{HOST}:{admin}/health")
        await until_ok("GET", f"http://{HOST}:{ingress}/restate/health")
        ready()

    return Program("restate", [str(installed()), "--no-logo"], grace=15, watch=answers), environment


async def until_ok(method: str, url: str, body: object = None) -> None:
    """Repeat a request until it succeeds."""
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.request(method, url, json=body) as response:
                    if response.ok:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(PAUSE)


def _found() -> Path | None:
    return next(FOLDER.glob(f"node_modules/{PACKAGE}-*/bin/restate-server"), None)


def _install() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise ServerMissing(
            f"Restate's server is the npm package {PACKAGE}, but npm is missing. Nothing was installed. "
            "Install node and npm, or leave this engine out."
        )
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--prefix", str(FOLDER), "--ignore-scripts", f"{PACKAGE}@{VERSION}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS)  # noqa: S603
    if done.returncode:
        raise ServerMissing(f"npm could not install {PACKAGE} {VERSION} in {FOLDER}: {done.stderr.strip()[-500:]}")
