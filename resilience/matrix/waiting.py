"""Waiting for the world: whoever calls these has a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ordersaga.domain.errors import ServiceFault, Unavailable

T = TypeVar("T")

LOOK_AGAIN = 0.03


async def until(look: Callable[[], T]) -> T:
    """The first true answer of `look`."""
    while True:
        if found := look():
            return found
        await asyncio.sleep(LOOK_AGAIN)


async def insist(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is an answer: something may be down meanwhile. Asking again does nothing twice."""
    while True:
        try:
            return await ask()
        except (Unavailable, ServiceFault):
            await asyncio.sleep(10 * LOOK_AGAIN)
