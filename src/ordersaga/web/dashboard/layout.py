"""The layout of every page: the navigation with the worklist's count, and banners for what is not responding."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ordersaga.domain.errors import Unavailable
from ordersaga.web.access import LOCAL, Caller
from ordersaga.web.reads import Health, Reads
from ordersaga.web.reads.cache import Snapshot


@dataclass(frozen=True)
class Banner:
    """A banner. `since`: when the data on the page was last updated, if it is out of date."""

    title: str
    detail: str
    tone: str = "warn"
    since: datetime | None = None


@dataclass(frozen=True)
class PageLayout:
    """A page's name in the navigation, the number of orders on the worklist, the caller's name and the banners."""

    page: str
    waiting: int
    caller_name: str | None
    banners: Sequence[Banner]


async def layout_of(reads: Reads, page: str, caller: Caller, shown: Sequence[Snapshot[Any]] = ()) -> PageLayout:
    """The layout of a page that shows these snapshots."""
    health, waiting = await asyncio.gather(reads.health(), _waiting(reads))
    stale = [known for known in shown if not known.fresh]
    banners = list(_banners(health.value, stale))
    return PageLayout(page, waiting, None if caller is LOCAL else caller.name, banners)


def _banners(health: Health, stale: Sequence[Snapshot[Any]]) -> Iterator[Banner]:
    since = min((known.at for known in stale), default=None)
    silent = [name for name, responds in health.services.items() if not responds]
    if not health.temporal:
        detail = "Orders cannot be placed or changed until it responds. Nothing is lost; this page updates by itself."
        yield Banner("Temporal is not responding.", detail, "bad", since)
    elif not health.worker:
        detail = "Orders wait until one runs. Start one with `ordersaga worker` or `ordersaga up`."
        yield Banner("No worker is responding.", detail, "warn", since)
    elif stale:
        yield Banner("This page is out of date.", stale[0].problem or "", "warn", since)
    if silent:
        names = " and ".join([", ".join(silent[:-1]), silent[-1]] if len(silent) > 1 else silent)
        many = len(silent) > 1
        title = f"The {names} service{'s are' if many else ' is'} not responding."
        yield Banner(title, f"Orders retry their calls to {'them' if many else 'it'} until they succeed.")


async def _waiting(reads: Reads) -> int:
    try:
        return len((await reads.worklist()).value)
    except Unavailable:
        return 0
