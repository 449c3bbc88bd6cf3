"""The environment of a campaign."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from resilience.environment import Environment

IN_FLIGHT = 120


@dataclass
class ChaosEnvironment(Environment):
    """An environment with faults until they are stopped."""

    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT))
    """The orders that may be in flight at a time, so that a slow machine is not overloaded."""
    faults_stopped: bool = False
    """Whether the faults have stopped."""

    def stop_faults(self) -> None:
        """Stop all faults, and release all held calls."""
        self.faults_stopped = True
        self.proxy.faults.clear()
        self.proxy.release()
