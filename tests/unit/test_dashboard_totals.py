"""The dashboard's totals: the register's counts by minute, hour and day, in the intervals of a chart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ordersaga.contracts.register import PlacedCount
from ordersaga.domain.result import OrderStatus
from ordersaga.web.dashboard.totals import PERIODS, buckets_of

NOW = datetime(2026, 11, 27, 12, 35, 10, tzinfo=UTC)


def placed(start: datetime, status: OrderStatus, orders: int) -> PlacedCount:
    return PlacedCount(start=start, status=status, orders=orders)


@pytest.mark.parametrize("period", PERIODS)
def test_each_stretch_has_what_was_placed_in_it(period: str) -> None:
    chosen = PERIODS[period]
    starts = chosen.starts(NOW)
    counts = [placed(start, OrderStatus.COMPLETED, number) for number, start in enumerate(starts, start=1)]
    assert [bucket.placed for bucket in buckets_of(chosen, starts, counts)] == list(range(1, chosen.buckets + 1))


def test_two_minutes_are_one_stretch_and_what_has_not_ended_is_open() -> None:
    hour = PERIODS["hour"]
    starts = hour.starts(NOW)
    assert starts[-1] == NOW.replace(minute=34, second=0)
    counts = [
        placed(starts[-1], OrderStatus.COMPLETED, 1),
        placed(starts[-1] + timedelta(minutes=1), OrderStatus.COMPLETED, 2),
        placed(starts[-1], OrderStatus.PROCESSING, 3),
        placed(starts[-1], OrderStatus.NEEDS_ATTENTION, 4),
        placed(starts[-1], OrderStatus.CANCELLED, 5),
    ]
    assert buckets_of(hour, starts, counts)[-1].counts == {"completed": 3, "open": 7, "cancelled": 5}


@pytest.mark.parametrize("away", [timedelta(minutes=-1), timedelta(hours=1)])
def test_what_is_placed_outside_the_period_is_left_out(away: timedelta) -> None:
    hour = PERIODS["hour"]
    starts = hour.starts(NOW)
    assert not any(
        bucket.placed for bucket in buckets_of(hour, starts, [placed(starts[0] + away, OrderStatus.FAILED, 1)])
    )
