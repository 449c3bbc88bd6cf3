"""The command `ordersaga` as a user runs it, and a stack that it runs."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
from temporalio.client import Client

from ordersaga.orders.recovery.watcher import schedule_id

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
ORDERSAGA = [sys.executable, "-m", "ordersaga"]
PATIENCE = 60.0
ANY_PORT = ["--api-port", "0", "--temporal-port", "0", "--temporal-ui-port", "0", "--services-port", "0"]

NOWHERE = {"TEMPORAL_ADDRESS": "127.0.0.1:1"} | {
    f"ORDERSAGA_{name}_URL": f"http://127.0.0.1:1/{name.lower()}"
    for name in ("REGISTER", "INVENTORY", "PAYMENT", "SHIPPING", "NOTIFICATION")
}
"""Addresses where nothing answers."""


@dataclass(frozen=True)
class Done:
    """The result of a command."""

    code: int
    out: str
    err: str

    def json(self) -> list[dict[str, Any]]:
        """Its output, parsed as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment(where: Mapping[str, str]) -> dict[str, str]:
    """Our environment without settings, plus these variables."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("TEMPORAL_", "ORDERSAGA_"))}
    return {**bare, **where}


def ordersaga(*arguments: object, stdin: str = "", where: Mapping[str, str] = NOWHERE) -> Done:
    """Run a command to its end."""
    done = subprocess.run(
        [*ORDERSAGA, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env=environment(where),
        cwd=ROOT,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def started(*arguments: object, where: Mapping[str, str] = NOWHERE, stdout: int | None = None) -> subprocess.Popen[str]:
    """Start a command."""
    return subprocess.Popen(
        [*ORDERSAGA, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(where),
        cwd=ROOT,
    )


def retire(task_queue: str, where: Mapping[str, str]) -> None:
    """Delete the watcher of this queue, as `doctor` recommends if no worker will run on it again."""

    async def delete() -> None:
        temporal = await Client.connect(where["TEMPORAL_ADDRESS"])
        await temporal.get_schedule_handle(schedule_id(task_queue)).delete()

    asyncio.run(delete())


def eventually(probe: Callable[[], T], description: str) -> T:
    """Return the first true result of `probe`."""
    deadline = time.monotonic() + PATIENCE
    while not (found := probe()):
        assert time.monotonic() < deadline, f"timed out waiting for: {description}"
        time.sleep(0.05)
    return found


def put(url: str, body: object) -> None:
    """PUT JSON."""
    request = urllib.request.Request(  # noqa: S310
        url, method="PUT", data=json.dumps(body).encode(), headers={"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310
        pass


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """The processes that are still running."""
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


@dataclass
class Up:
    """`ordersaga up` on a data directory, with free ports."""

    data_dir: Path
    ready: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    def start(self) -> Up:
        """Start it, and wait until it reports that it is ready."""
        with (self.data_dir.parent / f"{self.data_dir.name}.err").open("a") as messages:
            self.process = subprocess.Popen(
                [*ORDERSAGA, "up", "--json", "--data-dir", str(self.data_dir), *ANY_PORT],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=messages,
                text=True,
                env=environment({"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_NAMESPACE": "elsewhere"} | self.settings),
            )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.messages
        self.ready = json.loads(line)
        return self

    @property
    def messages(self) -> str:
        """Its output on stderr."""
        return (self.data_dir.parent / f"{self.data_dir.name}.err").read_text()

    @property
    def where(self) -> dict[str, str]:
        """The environment variables that point a command to this stack."""
        urls = {f"ORDERSAGA_{name.upper()}_URL": url for name, url in self.ready["services"].items()}
        return {"TEMPORAL_ADDRESS": self.ready["temporal"], **urls}

    def family(self) -> list[psutil.Process]:
        """All its descendant processes."""
        family: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return family

    def command(self, *arguments: object, stdin: str = "") -> Done:
        """Run a command against this stack."""
        return ordersaga(*arguments, stdin=stdin, where=self.where | self.settings)

    def load(self, **pieces: int) -> None:
        """Load stock."""
        put(f"{self.ready['services']['inventory']}/stock", {sku.replace("_", "-"): n for sku, n in pieces.items()})

    def end(self, signal: int) -> tuple[int, list[psutil.Process]]:
        """Send a signal, and wait. Returns the exit code, and the processes that should be gone now or soon."""
        family = self.family()
        self.process.send_signal(signal)
        code = self.process.wait(PATIENCE)
        assert self.process.stdout
        self.process.stdout.close()
        return code, family
