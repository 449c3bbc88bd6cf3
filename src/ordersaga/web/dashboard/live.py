"""Live pages: event streams of the parts of a page that have changed."""

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

POLL_SECONDS = 1.0
RECONNECT_MILLISECONDS = 2_000
_BUSY_RECONNECT_MILLISECONDS = 30_000


async def updates(
    state: AppState, current_caller: Callable[[], Caller | None], page: Callable[[Caller], Awaitable[View]]
) -> AsyncIterator[ServerSentEvent]:
    """The parts of a page as HTML: all of them first, then each one that changes, until the session ends.

    A change of an age alone is not sent: the page updates ages by itself.
    """
    caller = current_caller()
    if caller is None:
        yield ServerSentEvent(raw_data="", event="signed-out")
        return
    shown: dict[str, str] = {}
    try:
        with state.streams.open(caller.key or caller.name):
            yield ServerSentEvent(comment="hello", retry=RECONNECT_MILLISECONDS)
            while not state.reads.stopping.is_set():
                for event, html in (await _parts(page, caller)).items():
                    if shown.get(event) != (now := without_ages(html)):
                        shown[event] = now
                        yield ServerSentEvent(raw_data=html, event=event)
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await state.reads.stopping.wait()
                if current_caller() is None:
                    yield ServerSentEvent(raw_data="", event="signed-out")
                    return
    except TooManyStreams:
        yield ServerSentEvent(comment="too many streams", retry=_BUSY_RECONNECT_MILLISECONDS)


async def _parts(page: Callable[[Caller], Awaitable[View]], caller: Caller) -> dict[str, str]:
    """The current parts; none while they cannot be read. The page then keeps what it shows, marked as old."""
    try:
        return (await page(caller)).live()
    except (Unavailable, OrderNotFound):
        return {}
