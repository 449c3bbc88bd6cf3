"""Times and durations as the pages show them. All times of day are UTC."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from markupsafe import Markup

from ordersaga.domain.durations import in_largest_unit


def age(at: datetime, plain: bool = False) -> Markup:
    """How long ago something was, with the exact time to be pointed at. `plain` leaves the "ago" out."""
    at = at.astimezone(UTC)
    seconds = max(0, int((datetime.now(UTC) - at).total_seconds()))
    text = "now" if seconds < 1 else in_largest_unit(seconds) + ("" if plain else " ago")
    return Markup('<time datetime="{}" title="{}" data-age="{}">{}</time>').format(
        at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S} UTC", "plain" if plain else "", text
    )


def due(at: datetime) -> Markup:
    """In how much time something will be, with the exact time to be pointed at."""
    at = at.astimezone(UTC)
    seconds = math.ceil((at - datetime.now(UTC)).total_seconds())
    text = f"in {in_largest_unit(seconds)}" if seconds > 0 else "due"
    return Markup('<time datetime="{}" title="{}" data-due>{}</time>').format(
        at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S} UTC", text
    )


def stamp(at: datetime) -> str:
    """A time of day to the millisecond."""
    return f"{at.astimezone(UTC):%H:%M:%S.%f}"[:-3]


def clock(at: datetime, other: datetime) -> str:
    """A time of day, with its date if the other is on another day."""
    at, other = at.astimezone(UTC), other.astimezone(UTC)
    return f"{at:%H:%M:%S}" if at.date() == other.date() else f"{at:%Y-%m-%d %H:%M:%S}"


def moment(at: datetime) -> Markup:
    """A time to come: the time of day, with its date to be pointed at."""
    at = at.astimezone(UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S} UTC", clock(at, datetime.now(UTC))
    )


def minute(at: datetime) -> str:
    """A date and a time of day to the minute."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
