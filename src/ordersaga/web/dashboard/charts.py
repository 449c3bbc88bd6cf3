"""The chart of the totals page: turns buckets of orders into rectangles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ordersaga.web.dashboard.rendering import counted
from ordersaga.web.dashboard.times import minute
from ordersaga.web.dashboard.totals import KINDS, Bucket, Period

WIDTH, HEIGHT = 960, 200
_GAP = 0.18
"""Between bars, as a fraction of a bucket's width."""
_GRID_LINES = 4


@dataclass(frozen=True)
class Rect:
    """One segment of a bar."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Chart:
    """Bars over time, stacked by outcome. `top` is the count at the upper edge."""

    bars: Sequence[Rect]
    lines: Sequence[float]
    ticks: Sequence[str]
    top: int
    width: int = WIDTH
    height: int = HEIGHT


def chart_of(period: Period, buckets: Sequence[Bucket]) -> Chart:
    """The chart of these buckets, oldest first."""
    highest = max((bucket.placed for bucket in buckets), default=0)
    bars = [bar for index, bucket in enumerate(buckets) for bar in _bar(bucket, index, len(buckets), highest)]
    every = max(1, len(buckets) // 6)
    ticks = [f"{bucket.start:{period.tick}}" for bucket in buckets[::every]]
    return Chart(bars, [round(HEIGHT * line / _GRID_LINES, 1) for line in range(_GRID_LINES + 1)], ticks, highest)


def _bar(bucket: Bucket, index: int, buckets: int, highest: int) -> Iterator[Rect]:
    wide = WIDTH / buckets
    floor = float(HEIGHT)
    for kind, label in KINDS.items():
        count = bucket.counts[kind]
        if not count:
            continue
        high = HEIGHT * count / highest
        floor -= high
        title = f"{minute(bucket.start)} UTC: {counted(count, 'order')}, {label.lower()}"
        left = wide * (index + _GAP / 2)
        yield Rect(kind, round(left, 2), round(floor, 2), round(wide * (1 - _GAP), 2), round(high, 2), title)
