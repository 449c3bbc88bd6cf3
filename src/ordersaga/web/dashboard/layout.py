"""What is around every page: the navigation with the worklist's count, and banners for what does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ordersaga.domain.errors import Unavailable
from ordersaga.web.access import LOCAL, Caller
from ordersaga.web.reads import Health, Overview
from ordersaga.web.reads.cache import Snapshot


@dataclass(frozen=True)
class Banner:
    """A banner. `since`: what the page shows is from then."""

    title: str
    detail: str
    tone: str = "warn"
    since: datetime | None = None


@dataclass(frozen=True)
class PageLayout:
    """Around a page: its name in the navigation, how many orders wait, who looks, and what is wrong."""

    page: str
    waiting: int
    caller_name: str | None
    banners: Sequence[Banner]


async def layout_of(overview: Overview, page: str, caller: Caller, shown: Sequence[Snapshot[Any]] = ()) -> PageLayout:
    """The frame of a page that shows these."""
    health, waiting = await asyncio.gather(overview.health(), _waiting(overview))
    stale = [known for known in shown if not known.fresh]
    banners = list(_banners(health.value, stale))
    return PageLayout(page, waiting, None if caller is LOCAL else caller.name, banners)


def _banners(health: Health, stale: Sequence[Snapshot[Any]]) -> Iterator[Banner]:
    since = min((known.at for known in stale), default=None)
    away = [name for name, answers in health.services.items() if not answers]
    if not health.temporal:
        detail = "Orders can be neither placed nor changed until it does. Nothing is lost; this page goes on by itself."
        yield Banner("Temporal does not answer.", detail, "bad", since)
    elif not health.worker:
        detail = "Orders wait, and go on as soon as one runs: `ordersaga worker` or `ordersaga up` starts one."
        yield Banner("No worker answers.", detail, "warn", since)
    elif stale:
        yield Banner("This is not up to date.", stale[0].problem or "", "warn", since)
    if away:
        names = " and ".join([", ".join(away[:-1]), away[-1]] if len(away) > 1 else away)
        many = len(away) > 1
        title = f"The {names} service{'s do' if many else ' does'} not answer."
        yield Banner(title, f"What orders need of {'them' if many else 'it'} is tried again until they do.")


async def _waiting(overview: Overview) -> int:
    try:
        return len((await overview.worklist()).value)
    except Unavailable:
        return 0
