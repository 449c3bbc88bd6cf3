"""Back-pressure: what Temporal does not answer is retried with lower concurrency, until the patience is used up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from types import SimpleNamespace

import pytest

from ordersaga.cli import adaptive_limiter
from ordersaga.cli.adaptive_limiter import AdaptiveLimiter
from ordersaga.cli.placement_report import PlacementReport, UnderWay
from ordersaga.domain.errors import OrderConflict, TemporalBusy, TemporalUnavailable

MOST = 16
FOR_EVER = 3600.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Very short pauses."""
    monkeypatch.setattr(adaptive_limiter, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(adaptive_limiter, "LONGEST_PAUSE", 0.002)


class Overloaded:
    """Rejects the first calls, and counts."""

    def __init__(self, turned_down: int) -> None:
        self.asked = self.at_once = 0
        self.seen: list[int] = []
        """The number of concurrent calls, for each call."""
        self._turned_down = turned_down

    async def ask(self) -> int:
        """Answer, or reject."""
        self.asked += 1
        number = self.asked
        self.at_once += 1
        self.seen.append(self.at_once)
        await asyncio.sleep(0.001)
        self.at_once -= 1
        if number <= self._turned_down:
            raise TemporalBusy
        return number


async def ask_often(limiter: AdaptiveLimiter, ask: Callable[[], Awaitable[int]], often: int) -> list[int]:
    return await asyncio.gather(*[limiter.ask(ask) for _ in range(often)])


async def test_what_was_turned_down_is_asked_until_it_is_answered() -> None:
    server = Overloaded(turned_down=100)
    answers = await ask_often(AdaptiveLimiter(MOST, FOR_EVER), server.ask, 50)
    assert sorted(answers) == list(range(101, 151))


async def test_less_is_asked_at_once_while_nothing_is_answered_and_more_again_after() -> None:
    behind, server = AdaptiveLimiter(MOST, FOR_EVER), Overloaded(turned_down=4 * MOST)
    await ask_often(behind, server.ask, 2 * MOST)
    assert max(server.seen) == MOST
    assert max(server.seen[5 * MOST : 6 * MOST]) <= MOST / 2
    slow = behind.limit
    assert slow < MOST
    await ask_often(behind, server.ask, 20 * MOST)
    assert behind.limit > slow


async def test_a_burst_that_fails_together_counts_once() -> None:
    behind = AdaptiveLimiter(MOST, FOR_EVER)
    await ask_often(behind, Overloaded(turned_down=MOST).ask, MOST)
    assert behind.limit >= MOST / 2


async def test_patience_ends_and_reports_it() -> None:
    with pytest.raises(TemporalUnavailable, match=r"has not responded for .* Orders that were placed continue\."):
        await AdaptiveLimiter(MOST, patience=0.02).ask(Overloaded(turned_down=1_000_000).ask)


async def test_an_answer_begins_patience_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = count()
    monkeypatch.setattr(adaptive_limiter, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    behind = AdaptiveLimiter(1, patience=50)
    for _ in range(5):
        await behind.ask(Overloaded(turned_down=20).ask)
    assert next(seconds) > 4 * 50


async def test_a_no_is_an_answer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = count()
    monkeypatch.setattr(adaptive_limiter, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    behind = AdaptiveLimiter(1, patience=50)

    for _ in range(5):
        server = Overloaded(turned_down=20)

        async def conflict(server: Overloaded = server) -> int:
            await server.ask()
            raise OrderConflict

        with pytest.raises(OrderConflict):
            await behind.ask(conflict)
    assert next(seconds) > 4 * 50


def test_unknown_outcomes_are_distinguished(capsys: pytest.CaptureFixture[str]) -> None:
    account = PlacementReport(as_json=False)
    account.report({"order_id": "a", "status": "completed"})
    account.under_way = {1: UnderWay("b", placed=True), 2: UnderWay("c")}
    account.report_unknown()
    account.break_off()

    printed = capsys.readouterr()
    rows = [line.split(maxsplit=2) for line in printed.out.splitlines()[2:]]
    assert [(order_id, status) for order_id, status, _ in rows] == [("b", "unknown"), ("c", "unknown")]
    assert [detail.partition(";")[0].partition(" is unknown")[0] for *_, detail in rows] == [
        "it was placed and continues",
        "whether it was placed",
    ]
    assert printed.err == (
        "1 answered: 1 completed; 1 more were placed and continue; 1 may or may not have been placed\n"
    )
