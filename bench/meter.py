"""CPU and memory of programs by role, including all child processes and those that have ended."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress

import psutil

SAMPLE_SECONDS = 1.0
Roots = Callable[[], Mapping[str, list[int]]]
"""The current process ids of the programs of each role."""


class Meter:
    """Reads the resource usage of processes."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots

    def cpu(self) -> Counter[str]:
        """The CPU seconds that each role has used so far.

        A process's figure includes the children that it has waited for, so ended processes are not lost.
        """
        used: Counter[str] = Counter()
        for role, process in self._processes():
            with suppress(psutil.Error):
                times = process.cpu_times()
                used[role] += times.user + times.system + times.children_user + times.children_system
        return used

    def memory(self) -> Counter[str]:
        """The memory of each role in bytes: on Linux the proportional set size, elsewhere the resident set size."""
        used: Counter[str] = Counter()
        for role, process in self._processes():
            with suppress(psutil.Error):
                used[role] += _memory(process)
        return used

    @asynccontextmanager
    async def peak_memory(self) -> AsyncIterator[Counter[str]]:
        """The peak memory of each role while the block runs, sampled once a second."""
        peak: Counter[str] = Counter()

        async def sample() -> None:
            while True:
                # In a thread: the kernel takes a while to answer, and the clock of a phase must not be delayed.
                now = await asyncio.to_thread(self.memory)
                for role, used in now.items():
                    peak[role] = max(peak[role], used)
                await asyncio.sleep(SAMPLE_SECONDS)

        looking = asyncio.create_task(sample())
        try:
            yield peak
        finally:
            looking.cancel()

    def _processes(self) -> Iterator[tuple[str, psutil.Process]]:
        trees = {(role, pid): _tree(pid) for role, pids in self._roots().items() for pid in pids}
        for (role, pid), tree in trees.items():
            # A program that has started the others does not include them.
            others = [trees[key].keys() for key in trees if key[1] != pid and key[1] in tree]
            for process in tree.keys() - set().union(*others):
                yield role, tree[process]


def _tree(pid: int) -> dict[int, psutil.Process]:
    """A process and all its descendants, by id; empty if it has ended."""
    try:
        root = psutil.Process(pid)
        return {each.pid: each for each in (root, *root.children(recursive=True))}
    except psutil.Error:
        return {}


def machine_cpu() -> float:
    """The CPU seconds that all processes of this machine have used so far."""
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0))


def _memory(process: psutil.Process) -> int:
    if psutil.LINUX:
        return int(process.memory_full_info().pss)
    return int(process.memory_info().rss)
