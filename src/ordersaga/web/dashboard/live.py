"""Live pages: a stream of the parts of a page that have changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from fastapi.sse import ServerSentEvent

from ordersaga.domain.errors import OrderNotFound, Unavailable
from ordersaga.web.access import Caller
from ordersaga.web.access.streams import TooManyStreams
from ordersaga.web.dashboard.rendering import without_ages
from ordersaga.web.dashboard.views import View
from ordersaga.web.reads import AppState

LOOK_SECONDS = 1.0
TRY_AGAIN_MILLISECONDS = 2_000
_TOO_MANY_MILLISECONDS = 30_000


async def updates(
    state: AppState, who: Callable[[], Caller | None], page: Callable[[Caller], Awaitable[View]]
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
        with state.streams.open(caller.key or caller.name):
            yield ServerSentEvent(comment="hello", retry=TRY_AGAIN_MILLISECONDS)
            while not state.overview.stopping.is_set():
                for event, html in (await _parts(page, caller)).items():
                    if shown.get(event) != (now := without_ages(html)):
                        shown[event] = now
                        yield ServerSentEvent(raw_data=html, event=event)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await state.overview.stopping.wait()
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
