"""Live pages: a stream of the parts of a page that have changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from fastapi.sse import ServerSentEvent

from ordersaga.access import Caller
from ordersaga.access.streams import TooManyStreams
from ordersaga.dashboard.rendering import without_ages
from ordersaga.dashboard.views import View
from ordersaga.domain.errors import OrderNotFound, Unavailable
from ordersaga.overview import Front

LOOK_SECONDS = 1.0
TRY_AGAIN_MILLISECONDS = 2_000
_TOO_MANY_MILLISECONDS = 30_000


async def updates(
    front: Front, who: Callable[[], Caller | None], page: Callable[[Caller], Awaitable[View]]
) -> AsyncIterator[ServerSentEvent]:
    """The parts of a page as HTML, at once and then each when it has changed, until nobody is signed in any more.

    Ages count as no change: the page lets them grow by itself.
    """
    caller = who()
    if caller is None:
        yield ServerSentEvent(raw_data="", event="signed-out")
        return
    shown: dict[str, str] = {}
    try:
        with front.streams.open(caller.key or caller.name):
            yield ServerSentEvent(comment="hello", retry=TRY_AGAIN_MILLISECONDS)
            while not front.overview.stopping.is_set():
                for event, html in (await _parts(page, caller)).items():
                    if shown.get(event) != (now := without_ages(html)):
                        shown[event] = now
                        yield ServerSentEvent(raw_data=html, event=event)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await front.overview.stopping.wait()
                if who() is None:
                    yield ServerSentEvent(raw_data="", event="signed-out")
                    return
    except TooManyStreams:
        yield ServerSentEvent(comment="too many streams", retry=_TOO_MANY_MILLISECONDS)


async def _parts(page: Callable[[Caller], Awaitable[View]], caller: Caller) -> dict[str, str]:
    """Nothing while nothing can be said: what the page shows stays, and says itself that it is old."""
    try:
        return (await page(caller)).live()
    except (Unavailable, OrderNotFound):
        return {}
