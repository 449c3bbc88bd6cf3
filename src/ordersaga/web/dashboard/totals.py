"""Orders by outcome over time, and how long they took. The register counts them; no orders are read for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ordersaga.contracts.register import PlacedCount, Stretch
from ordersaga.domain.result import OrderSummary

KINDS = {"completed": "Completed", "failed": "Failed", "cancelled": "Cancelled", "open": "Open"}
"""The outcomes, in stacking order. An open order is in progress or was cut off."""


@dataclass(frozen=True)
class Period:
    """A period up to now, in buckets of a fixed length."""

    name: str
    label: str
    bucket: timedelta
    buckets: int
    bucket_label: str
    tick: str
    counted_per: Stretch

    def starts(self, now: datetime) -> list[datetime]:
        """When each bucket starts, oldest first. The last bucket is the current one."""
        length = self.bucket.total_seconds()
        last = datetime.fromtimestamp(now.timestamp() // length * length, UTC)
        return [last - self.bucket * back for back in reversed(range(self.buckets))]


PERIODS = {
    period.name: period
    for period in (
        Period("hour", "Last hour", timedelta(minutes=2), 30, "2 minutes", "%H:%M", Stretch.MINUTE),
        Period("day", "Last day", timedelta(hours=1), 24, "hour", "%H:%M", Stretch.HOUR),
        Period("month", "Last 30 days", timedelta(days=1), 30, "day", "%d %b", Stretch.DAY),
    )
}


@dataclass(frozen=True)
class Bucket:
    """Orders placed in one bucket, counted by outcome."""

    start: datetime
    counts: Counter[str]

    @property
    def placed(self) -> int:
        """How many orders were placed."""
        return self.counts.total()


@dataclass(frozen=True)
class Latency:
    """How long orders took: percentiles of `count` orders. `capped`: there are more orders in the period."""

    count: int
    percentiles: Sequence[tuple[str, timedelta]]
    capped: bool


def buckets_of(period: Period, starts: Sequence[datetime], counts: Iterable[PlacedCount]) -> list[Bucket]:
    """Sort the register's counts into the buckets of a period."""
    buckets = [Bucket(start, Counter()) for start in starts]
    for count in counts:
        index = (count.start - starts[0]) // period.bucket
        if 0 <= index < len(buckets):
            buckets[index].counts[count.status if count.status.is_end else "open"] += count.orders
    return buckets


def latency_of(ended: Sequence[OrderSummary], capped: bool) -> Latency | None:
    """How long these orders took; None if none has ended."""
    took = sorted(order.closed_at - order.started_at for order in ended if order.closed_at)
    if not took:
        return None
    ranks = {"Median": 0.5, "90th percentile": 0.9, "99th percentile": 0.99, "Longest": 1.0}
    at = {label: took[min(len(took) - 1, int(rank * len(took)))] for label, rank in ranks.items()}
    return Latency(len(took), list(at.items()), capped)
