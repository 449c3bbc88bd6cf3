"""Kills and stops processes, and makes sure that all run again in the end."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass

from ordersaga.stack import Stack
from resilience.chaos.event_log import EventLog
from resilience.chaos.plan import ProcessFault


@dataclass(frozen=True)
class FaultedProcess:
    """A process that was killed, or stopped for a while. `at` is seconds from the campaign's start."""

    at: float
    target: str
    killed: bool


class ProcessFaults:
    """Carries out a plan's process faults on a stack."""

    def __init__(self, stack: Stack, event_log: EventLog) -> None:
        self.faulted: list[FaultedProcess] = []
        self._stack = stack
        self._event_log = event_log

    async def run(self, process_faults: list[ProcessFault]) -> None:
        """Carry out each process fault at its time."""
        async with asyncio.TaskGroup() as tasks:
            for fault in process_faults:
                await asyncio.sleep(max(0.0, fault.at - self._event_log.now))
                for target in fault.targets:
                    if fault.stopped is None:
                        self._kill(target)
                    else:
                        tasks.create_task(self._stop(target, fault.stopped))

    async def stop_faults(self) -> None:
        """Continue all stopped processes, and wait until everything answers."""
        for target in self._stack.children:
            self._signal(target, signal.SIGCONT)
        await self._stack.until_ready()

    def _kill(self, target: str) -> None:
        self._stack.kill(target)
        self._note(target, killed=True)

    async def _stop(self, target: str, seconds: float) -> None:
        pid = self._signal(target, signal.SIGSTOP)
        if pid is None:
            return
        self._note(target, killed=False)
        await asyncio.sleep(seconds)
        if self._stack.pids[target] == pid:
            self._signal(target, signal.SIGCONT)

    def _signal(self, target: str, number: signal.Signals) -> int | None:
        """Send a signal to a running process, and return its pid."""
        if not self._stack.children[target].ready.is_set():
            return None
        pid = self._stack.pids[target]
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        return pid

    def _note(self, target: str, *, killed: bool) -> None:
        at = self._event_log.note("killed" if killed else "stopped", process=target)
        self.faulted.append(FaultedProcess(at, target, killed))
