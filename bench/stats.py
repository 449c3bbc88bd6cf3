"""Statistics over several rounds: the median, the spread, and ratios within a round."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, TypedDict

from resilience.chaos.report import percentile

__all__ = ["Spread", "middle_rate", "percentile", "ratios", "rotated", "spread", "summary"]

MANY = 4

Rounds: TypeAlias = Mapping[int, Mapping[str, float]]
"""An engine's figures by name, for each round."""


class Spread(TypedDict):
    """The median of some rounds, with the minimum and the maximum."""

    median: float
    min: float
    max: float
    rounds: int


def spread(values: Iterable[float]) -> Spread:
    """The spread of at least one value."""
    found = list(values)
    return Spread(median=statistics.median(found), min=min(found), max=max(found), rounds=len(found))


def summary(rounds: Rounds) -> dict[str, Spread]:
    """The spread of each figure over its rounds."""
    names = sorted({name for figures in rounds.values() for name in figures})
    return {name: spread(figures[name] for figures in rounds.values() if name in figures) for name in names}


def ratios(rounds: Rounds, base: Rounds) -> dict[str, Spread]:
    """Each figure divided by the base's in the same round. This cancels out what slows down a whole round."""
    paired = {
        number: {
            name: value / base[number][name] for name, value in figures.items() if base[number].get(name, 0.0) != 0.0
        }
        for number, figures in rounds.items()
        if number in base
    }
    return summary(paired)


def middle_rate(ended: Sequence[float], in_flight: int) -> float:
    """The rate of ends per second, without the first and the last orders, while the load rose and fell.

    At first, orders come in waves. So if there are not many more orders than are in flight at once, this is the overall
    rate.
    """
    times = sorted(ended)
    if len(times) < MANY * in_flight:
        return len(times) / times[-1] if times else 0.0
    first, last = times[in_flight], times[-1 - in_flight]
    return (len(times) - 1 - 2 * in_flight) / (last - first)


def rotated(names: Sequence[str], number: int) -> list[str]:
    """The order of engines in a round. Each round begins one engine later."""
    start = number % len(names) if names else 0
    return [*names[start:], *names[:start]]
