"""One child process: started, supervised, restarted when it dies, stopped; and killed when this process ends."""

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
"""A child that ran for this long is restarted at once when it dies."""
READY_LINE = b'{"ready": true'
EARLY_DEATHS = 2
"""A child that dies this often before it is first ready is given up."""
SHOWN_LOG_LINES = 5

# The shell becomes the program, so the pid stays the same. The shell leaves a process behind that waits for a line on
# the pipe that we hold. If the pipe ends without a line, because we were killed, it kills the program.
_KILL_WITH_PARENT = (
    'exec 3<&0 </dev/null; { read -r line <&3 || kill -KILL $$; } >/dev/null 2>&1 & exec 3<&-; exec "$@"'
)


class StackError(OrdersagaError):
    """The local stack cannot run as requested."""


def kill_with_parent(name: str, command: Iterable[str]) -> list[str]:
    """Wrap a command so that it is killed when the pipe on its input ends, which is when this process ends in any way.

    Once the program has ended, write a line into the pipe before closing it. Otherwise another process with the same
    pid may be killed.
    """
    return ["/bin/sh", "-c", _KILL_WITH_PARENT, name, *command]


async def says_ready(process: Process, ready: Callable[[], None]) -> None:
    """Wait until a child prints {"ready": true…}. Its other output is read and dropped, so that it never blocks."""
    assert process.stdout is not None
    async for line in process.stdout:
        if line.startswith(READY_LINE):
            ready()


@dataclass(frozen=True)
class Program:
    """What to run, how long it may take to stop (in seconds), and how to tell that it is ready."""

    name: str
    command: list[str]
    grace: float
    watch: Callable[[Process, Callable[[], None]], Awaitable[None]] = says_ready
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that are set unless they have another value."""


class Child:
    """A program that is kept running.

    Its messages go to the log file, and so does its output unless something reads it.
    """

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
        """The process id of the child, or of the last one that died."""
        return self._process.pid if self._process else 0

    def start(self) -> asyncio.Task[None]:
        """Start the child, and keep it running. The task fails with StackError if the child never becomes ready."""
        self._running = asyncio.create_task(self._keep_running(), name=self.name)
        return self._running

    def kill(self) -> None:
        """Kill the child, as a crash would. It is restarted."""
        if self._process and self._process.returncode is None:
            self.ready.clear()
            self._process.kill()

    async def stop(self) -> None:
        """Ask the child to end, and wait. Kill it after its grace period."""
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
        """The last lines of the child's log."""
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
            log.warning("died and is restarted", child=self.name, how=ended, in_seconds=pause)
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
                    start_new_session=True,  # Ctrl-C in the terminal reaches us only; we stop the children in order
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
