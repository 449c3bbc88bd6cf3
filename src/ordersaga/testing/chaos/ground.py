"""Where a campaign takes place."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ordersaga.testing.ground import Ground

IN_FLIGHT = 120


@dataclass
class Battleground(Ground):
    """A ground on which things go wrong until it is healed."""

    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT))
    """Those of the orders that may be in flight at a time: a slow machine does not drown."""
    healed: bool = False
    """Whether nothing goes wrong any more."""

    def heal(self) -> None:
        """No more faults, and no call is held back."""
        self.healed = True
        self.proxy.faults.clear()
        self.proxy.release()
