"""Where a campaign takes place."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from resilience.environment import Environment

IN_FLIGHT = 120


@dataclass
class ChaosEnvironment(Environment):
    """An environment in which things go wrong until the faults stop."""

    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT))
    """Those of the orders that may be in flight at a time: a slow machine does not drown."""
    faults_stopped: bool = False
    """Whether nothing goes wrong any more."""

    def stop_faults(self) -> None:
        """No more faults, and no call is held back."""
        self.faults_stopped = True
        self.proxy.faults.clear()
        self.proxy.release()
