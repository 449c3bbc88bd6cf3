"""Handing orders to Temporal no faster than it takes them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from ordersaga.domain.errors import TemporalBusy, TemporalUnavailable

T = TypeVar("T")

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0


class AdaptiveLimiter:
    """Asks Temporal, at most so much at once; less while it is behind, and more again as it answers.

    What was not answered is asked again: an order's id names it, so that nothing is done twice. `patience` is for how
    many seconds Temporal may leave everything unanswered.
    """

    def __init__(self, max_at_once: int, patience: float) -> None:
        self._most = max_at_once
        self._patience = patience
        self.limit = float(max_at_once)
        """How much is asked at once: half of it after no answer, one more when that much was answered."""
        self._asking = 0
        self._pause = 0.0
        self._slowed_at = 0.0
        self._silent_since: float | None = None
        self._freed = asyncio.Condition()

    async def ask(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer. Raises TemporalUnavailable when patience is over."""
        async with self._turn():
            while True:
                began = time.monotonic()
                try:
                    answer = await ask()
                except TemporalBusy as busy:
                    self._no_answer(began, busy)
                except Exception:
                    self._answered()  # a no is an answer, too
                    raise
                else:
                    self._answered()
                    return answer
                # The turn is kept meanwhile, so that nobody else asks in its place.
                await asyncio.sleep(self._pause * random.uniform(0.5, 1.5))  # noqa: S311

    def _answered(self) -> None:
        self._silent_since = None
        self._pause = 0.0
        self.limit = min(self._most, self.limit + 1 / self.limit)

    def _no_answer(self, began: float, busy: TemporalBusy) -> None:
        now = time.monotonic()
        self._silent_since = began if self._silent_since is None else self._silent_since
        if now - self._silent_since >= self._patience:
            raise TemporalUnavailable(
                f"Temporal has answered nothing for {now - self._silent_since:.0f} s, and is not asked again. {busy} "
                "What was placed before goes on."
            ) from None
        # What was asked at the same time fails at the same time, and counts once.
        if began >= self._slowed_at:
            self._slowed_at = now
            self.limit = max(1.0, self.limit / 2)
            self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * self._pause))

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        async with self._freed:
            await self._freed.wait_for(lambda: self._asking < int(self.limit))
            self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            async with self._freed:
                self._freed.notify_all()
