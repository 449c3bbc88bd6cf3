"""What is around every page: the navigation with the worklist's count, and banners for what does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ordersaga.access import LOCAL, Caller
from ordersaga.domain.errors import Unavailable
from ordersaga.known import Known
from ordersaga.overview import Health, Overview


@dataclass(frozen=True)
class Trouble:
    """A banner. `since`: what the page shows is from then."""

    title: str
    detail: str
    tone: str = "warn"
    since: datetime | None = None


@dataclass(frozen=True)
class Frame:
    """Around a page: its name in the navigation, how many orders wait, who looks, and what is wrong."""

    page: str
    waiting: int
    caller_name: str | None
    troubles: Sequence[Trouble]


async def frame_of(overview: Overview, page: str, caller: Caller, shown: Sequence[Known[Any]] = ()) -> Frame:
    """The frame of a page that shows these."""
    health, waiting = await asyncio.gather(overview.health(), _waiting(overview))
    stale = [known for known in shown if not known.fresh]
    troubles = list(_troubles(health.value, stale))
    return Frame(page, waiting, None if caller is LOCAL else caller.name, troubles)


def _troubles(health: Health, stale: Sequence[Known[Any]]) -> Iterator[Trouble]:
    since = min((known.at for known in stale), default=None)
    away = [name for name, answers in health.services.items() if not answers]
    if not health.temporal:
        detail = "Orders can be neither placed nor changed until it does. Nothing is lost; this page goes on by itself."
        yield Trouble("Temporal does not answer.", detail, "bad", since)
    elif not health.worker:
        detail = "Orders wait, and go on as soon as one runs: `ordersaga worker` or `ordersaga up` starts one."
        yield Trouble("No worker answers.", detail, "warn", since)
    elif stale:
        yield Trouble("This is not up to date.", stale[0].problem or "", "warn", since)
    if away:
        names = " and ".join([", ".join(away[:-1]), away[-1]] if len(away) > 1 else away)
        many = len(away) > 1
        title = f"The {names} service{'s do' if many else ' does'} not answer."
        yield Trouble(title, f"What orders need of {'them' if many else 'it'} is tried again until they do.")


async def _waiting(overview: Overview) -> int:
    try:
        return len((await overview.worklist()).value)
    except Unavailable:
        return 0
