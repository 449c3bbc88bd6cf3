"""One child process: started, watched, started again when it dies, stopped; and gone when this process is."""

from __future__ import annotations

import asyncio
import os
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from ordersaga.domain.errors import OrdersagaError

log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
STEADY_SECONDS = 30.0
"""A child that ran for so long is started again at once when it dies."""
READY_LINE = b'{"ready": true'
EARLY_DEATHS = 2
"""A child that dies so often before it is ready for the first time is given up."""
SHOWN_LOG_LINES = 5

# The shell becomes the program, so the pid stays. What it leaves behind waits for a line on the pipe that we hold, and
# when the pipe ends without one, because we were killed, it kills the program.
_TIED_TO_US = 'exec 3<&0 </dev/null; { read -r told <&3 || kill -KILL $$; } >/dev/null 2>&1 & exec 3<&-; exec "$@"'


class StackError(OrdersagaError):
    """The local stack cannot run as asked."""


def kill_with_parent(name: str, command: Iterable[str]) -> list[str]:
    """The command, to be killed when the pipe ends that it is given as its input: when we end, however we do.

    Once the program has ended, write a line into the pipe before it is closed, or another's process may be killed that
    has got its number.
    """
    return ["/bin/sh", "-c", _TIED_TO_US, name, *command]


async def says_ready(process: Process, ready: Callable[[], None]) -> None:
    """A child is ready that prints {"ready": true…}. What else it prints is read, so that it is never held up."""
    assert process.stdout is not None
    async for line in process.stdout:
        if line.startswith(READY_LINE):
            ready()


@dataclass(frozen=True)
class Program:
    """What to run, how long it may take to stop (seconds), and how one tells that it is ready."""

    name: str
    command: list[str]
    grace: float
    watch: Callable[[Process, Callable[[], None]], Awaitable[None]] = says_ready
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Variables that it finds in its environment unless that has others."""


class Child:
    """A program that is kept running. Its messages go to the log file; its standard output too, unless it is read."""

    def __init__(self, program: Program, log_file: Path, environment: Mapping[str, str]) -> None:
        self.name = program.name
        self.log_file = log_file
        self.deaths = 0
        self.ready = asyncio.Event()
        self._program = program
        self._environment = {**program.defaults, **environment}
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self._was_ready = False
        self._running: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process id of the child, or of the one that died last."""
        return self._process.pid if self._process else 0

    def start(self) -> asyncio.Task[None]:
        """Start it, and keep it running. The task fails with StackError if it cannot be made ready even once."""
        self._running = asyncio.create_task(self._keep_running(), name=self.name)
        return self._running

    def kill(self) -> None:
        """Kill it, as a crash would. It is started again."""
        if self._process and self._process.returncode is None:
            self.ready.clear()
            self._process.kill()

    async def stop(self) -> None:
        """Ask it to end, and wait for that; kill it when its grace is over."""
        self._stopping.set()
        if self._running is None:
            return
        self._terminate()
        done, _ = await asyncio.wait([self._running], timeout=self._program.grace)
        if not done:
            log.warning("did not stop in time and was killed", child=self.name, grace=self._program.grace)
            self.kill()
            await asyncio.wait([self._running])

    def log_tail(self) -> str:
        """The last lines of its log."""
        try:
            with self.log_file.open(encoding="utf-8", errors="replace") as lines:
                return "".join(deque(lines, SHOWN_LOG_LINES)).strip()
        except OSError:
            return ""

    async def _keep_running(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                ended = f"exit code {await self._run_once()}"
            except OSError as error:
                ended = str(error)
            if self._stopping.is_set():
                return
            self.deaths += 1
            if not self._was_ready and self.deaths >= EARLY_DEATHS:
                raise StackError(
                    f"{self.name} does not start ({ended}); the stack was stopped. "
                    f"{self.log_file} ends with:\n{self.log_tail()}"
                )
            pause = FIRST_PAUSE if time.monotonic() - began > STEADY_SECONDS else min(2 * pause, LONGEST_PAUSE)
            log.warning("died and is started again", child=self.name, how=ended, in_seconds=pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def _run_once(self) -> int:
        lifeline, ours = os.pipe()
        try:
            with self.log_file.open("ab") as messages:
                self._process = process = await asyncio.create_subprocess_exec(
                    *kill_with_parent(self.name, self._program.command),
                    stdin=lifeline,
                    stdout=PIPE if self._program.watch is says_ready else messages,
                    stderr=messages,
                    env=self._environment,
                    start_new_session=True,  # Ctrl-C on the terminal reaches us only; we stop the children in order
                )
            os.close(lifeline)
            lifeline = -1
            if self._stopping.is_set():
                self._terminate()
            watching = asyncio.ensure_future(self._program.watch(process, self._is_ready))
            try:
                code = await process.wait()
            finally:
                watching.cancel()
                self.ready.clear()
            with suppress(OSError):
                os.write(ours, b"\n")
            return code
        finally:
            os.close(ours)
            if lifeline >= 0:
                os.close(lifeline)

    def _is_ready(self) -> None:
        if self.deaths:
            log.info("runs again", child=self.name, pid=self.pid)
        self._was_ready = True
        self.ready.set()

    def _terminate(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.terminate()
