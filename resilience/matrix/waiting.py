"""Waiting for conditions and answers. The caller sets the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ordersaga.domain.errors import ServiceFault, Unavailable

T = TypeVar("T")

LOOK_AGAIN = 0.03


async def until(probe: Callable[[], T]) -> T:
    """Return the first true result of `probe`."""
    while True:
        if found := probe():
            return found
        await asyncio.sleep(LOOK_AGAIN)


async def retry_until_answered(ask: Callable[[], Awaitable[T]]) -> T:
    """Retry until there is an answer, because something may be down. Repeating the call does nothing twice."""
    while True:
        try:
            return await ask()
        except (Unavailable, ServiceFault):
            await asyncio.sleep(10 * LOOK_AGAIN)
