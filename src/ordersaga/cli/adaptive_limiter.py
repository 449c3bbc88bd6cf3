"""Limits concurrent requests to what Temporal can handle."""

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
    """Limits concurrent requests to Temporal. The limit falls while Temporal is overloaded, and rises as it responds.

    Requests without a response are retried, which is safe because an order's id makes them idempotent. After `patience`
    seconds without any response, it gives up.
    """

    def __init__(self, max_at_once: int, patience: float) -> None:
        self._most = max_at_once
        self._patience = patience
        self.limit = float(max_at_once)
        """The current limit. It is halved after a failure, and grows by one after as many responses as the limit."""
        self._asking = 0
        self._pause = 0.0
        self._slowed_at = 0.0
        self._silent_since: float | None = None
        self._freed = asyncio.Condition()

    async def ask(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Repeat a request until it gets a response. Raises TemporalUnavailable after `patience` seconds without."""
        async with self._turn():
            while True:
                began = time.monotonic()
                try:
                    answer = await ask()
                except TemporalBusy as busy:
                    self._no_answer(began, busy)
                except Exception:
                    self._answered()  # a refusal is a response, too
                    raise
                else:
                    self._answered()
                    return answer
                # Keep the slot during the pause, so that no other request takes it.
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
                f"Temporal has not responded for {now - self._silent_since:.0f} s, so placing was stopped. {busy} "
                "Orders that were placed continue."
            ) from None
        # Requests that were sent at the same time fail together, and count once.
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
