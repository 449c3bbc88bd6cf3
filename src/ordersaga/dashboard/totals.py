"""Orders by outcome over time, and how long they took: counted by Temporal, not by reading every order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client

from ordersaga.connect import in_our_words
from ordersaga.domain.result import OrderStatus, OrderSummary
from ordersaga.workflows.projection import STATUS

KINDS = {"completed": "Completed", "failed": "Failed", "cancelled": "Cancelled", "open": "Open"}
"""The outcomes, in the order in which they are stacked. An order that is open runs, or was cut off."""
AT_ONCE = 8
"""How many counts Temporal is asked for at a time."""
_ORDERS = 'WorkflowType = "OrderSagaWorkflow"'


@dataclass(frozen=True)
class Period:
    """How far back one looks, in buckets of a fixed length."""

    name: str
    words: str
    bucket: timedelta
    buckets: int
    bucket_words: str
    tick: str

    def starts(self, now: datetime) -> list[datetime]:
        """When each bucket begins, oldest first; the last one is the one that is going on."""
        length = self.bucket.total_seconds()
        last = datetime.fromtimestamp(now.timestamp() // length * length, UTC)
        return [last - self.bucket * back for back in reversed(range(self.buckets))]


PERIODS = {
    period.name: period
    for period in (
        Period("hour", "Last hour", timedelta(minutes=2), 30, "in two minutes", "%H:%M"),
        Period("day", "Last day", timedelta(hours=1), 24, "in an hour", "%H:%M"),
        Period("month", "Last 30 days", timedelta(days=1), 30, "in a day", "%d %b"),
    )
}


@dataclass(frozen=True)
class Bucket:
    """How the orders placed in one stretch of time stand."""

    start: datetime
    counts: Counter[str]

    @property
    def placed(self) -> int:
        """How many there are."""
        return self.counts.total()


@dataclass(frozen=True)
class Latency:
    """How long orders took: percentiles of `count` orders; `capped` says that there are more."""

    count: int
    percentiles: Sequence[tuple[str, timedelta]]
    capped: bool


async def buckets_of(temporal: Client, period: Period, now: datetime) -> list[Bucket]:
    """The orders placed in each stretch of a period. Raises TemporalUnavailable."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def count(condition: str, start: datetime) -> Counter[str]:
        span = f'StartTime >= "{_text(start)}" AND StartTime < "{_text(start + period.bucket)}"'
        async with gate:
            return await _counted(temporal, f"{_ORDERS} AND {span}{condition}")

    starts = period.starts(now)
    # Most stretches of a month are empty in a young shop, and one count says so.
    placed = await asyncio.gather(*(count(" GROUP BY ExecutionStatus", start) for start in starts))
    busy = [at for at, counts in enumerate(placed) if counts.total()]
    failed = await asyncio.gather(*(count(_ended_as(OrderStatus.FAILED), starts[at]) for at in busy))
    cancelled = await asyncio.gather(*(count(_ended_as(OrderStatus.CANCELLED), starts[at]) for at in busy))
    found = [Bucket(start, Counter()) for start in starts]
    for at, no, off in zip(busy, failed, cancelled, strict=True):
        found[at] = Bucket(starts[at], _outcomes(placed[at], no.total(), off.total()))
    return found


def latency_of(ended: Sequence[OrderSummary], capped: bool) -> Latency | None:
    """How long these orders took; None if there are none."""
    took = sorted(order.closed_at - order.started_at for order in ended if order.closed_at)
    if not took:
        return None
    ranks = {"Median": 0.5, "90 of 100 within": 0.9, "99 of 100 within": 0.99, "Longest": 1.0}
    at = {words: took[min(len(took) - 1, int(rank * len(took)))] for words, rank in ranks.items()}
    return Latency(len(took), list(at.items()), capped)


def _outcomes(by_execution: Counter[str], failed: int, cancelled: int) -> Counter[str]:
    """What Temporal calls canceled was cancelled through Temporal; Failed is an order that could not even begin."""
    completed = by_execution["Completed"] - failed - cancelled
    counts = {
        "completed": max(0, completed),
        "failed": failed,
        "cancelled": cancelled + by_execution["Canceled"],
        "open": by_execution.total() - by_execution["Completed"] - by_execution["Canceled"],
    }
    return Counter(counts)


def _ended_as(status: OrderStatus) -> str:
    return f' AND ExecutionStatus = "Completed" AND {STATUS.name} = "{status}"'


async def _counted(temporal: Client, query: str) -> Counter[str]:
    with in_our_words("of the counts"):
        answer = await temporal.count_workflows(query)
    if answer.groups:
        return Counter({str(group.group_values[0]): group.count for group in answer.groups})
    return Counter({"": answer.count})


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
