"""Orders by outcome over time, and how long they took: counted by the register, not by reading every order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ordersaga.contracts.register import PlacedCount, Stretch
from ordersaga.domain.result import OrderSummary

KINDS = {"completed": "Completed", "failed": "Failed", "cancelled": "Cancelled", "open": "Open"}
"""The outcomes, in the order in which they are stacked. An order that is open runs, or was cut off."""


@dataclass(frozen=True)
class Period:
    """How far back one looks, in buckets of a fixed length."""

    name: str
    label: str
    bucket: timedelta
    buckets: int
    bucket_words: str
    tick: str
    counted_per: Stretch

    def starts(self, now: datetime) -> list[datetime]:
        """When each bucket begins, oldest first; the last one is the one that is going on."""
        length = self.bucket.total_seconds()
        last = datetime.fromtimestamp(now.timestamp() // length * length, UTC)
        return [last - self.bucket * back for back in reversed(range(self.buckets))]


PERIODS = {
    period.name: period
    for period in (
        Period("hour", "Last hour", timedelta(minutes=2), 30, "in two minutes", "%H:%M", Stretch.MINUTE),
        Period("day", "Last day", timedelta(hours=1), 24, "in an hour", "%H:%M", Stretch.HOUR),
        Period("month", "Last 30 days", timedelta(days=1), 30, "in a day", "%d %b", Stretch.DAY),
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


def buckets_of(period: Period, starts: Sequence[datetime], counts: Iterable[PlacedCount]) -> list[Bucket]:
    """The orders placed in each stretch of a period."""
    found = [Bucket(start, Counter()) for start in starts]
    for each in counts:
        at = (each.start - starts[0]) // period.bucket
        if 0 <= at < len(found):
            found[at].counts[each.status if each.status.is_end else "open"] += each.orders
    return found


def latency_of(ended: Sequence[OrderSummary], capped: bool) -> Latency | None:
    """How long these orders took; None if there are none."""
    took = sorted(order.closed_at - order.started_at for order in ended if order.closed_at)
    if not took:
        return None
    ranks = {"Median": 0.5, "90 of 100 within": 0.9, "99 of 100 within": 0.99, "Longest": 1.0}
    at = {label: took[min(len(took) - 1, int(rank * len(took)))] for label, rank in ranks.items()}
    return Latency(len(took), list(at.items()), capped)
