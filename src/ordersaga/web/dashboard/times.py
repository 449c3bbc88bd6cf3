"""Times and durations for pages. All times of day are in UTC."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from markupsafe import Markup

from ordersaga.domain.durations import in_largest_unit


def age(at: datetime, plain: bool = False) -> Markup:
    """How long ago something happened, with the exact time as a tooltip. `plain` omits "ago"."""
    at = at.astimezone(UTC)
    seconds = max(0, int((datetime.now(UTC) - at).total_seconds()))
    text = in_largest_unit(seconds) if plain else f"{in_largest_unit(seconds)} ago" if seconds else "just now"
    return Markup('<time datetime="{}" title="{}" data-age="{}">{}</time>').format(
        at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S} UTC", "plain" if plain else "", text
    )


def due(at: datetime) -> Markup:
    """How long until something is due, with the exact time as a tooltip."""
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
    """A time of day; with its date if `other` is on a different day."""
    at, other = at.astimezone(UTC), other.astimezone(UTC)
    return f"{at:%H:%M:%S}" if at.date() == other.date() else f"{at:%Y-%m-%d %H:%M:%S}"


def moment(at: datetime) -> Markup:
    """A future time of day, with date and time as a tooltip."""
    at = at.astimezone(UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S} UTC", clock(at, datetime.now(UTC))
    )


def minute(at: datetime) -> str:
    """A date and a time of day to the minute."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
