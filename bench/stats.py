"""Figures of several rounds: the middle, the spread, and ratios within a round."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, TypedDict

from resilience.chaos.report import percentile

__all__ = ["Spread", "middle_rate", "percentile", "ratios", "rotated", "spread", "summary"]

MANY = 4

Rounds: TypeAlias = Mapping[int, Mapping[str, float]]
"""An engine's figures by their names, round by round."""


class Spread(TypedDict):
    """The median of some rounds, with the least and the most."""

    median: float
    min: float
    max: float
    rounds: int


def spread(values: Iterable[float]) -> Spread:
    """Of at least one value."""
    found = list(values)
    return Spread(median=statistics.median(found), min=min(found), max=max(found), rounds=len(found))


def summary(rounds: Rounds) -> dict[str, Spread]:
    """Each figure over its rounds."""
    names = sorted({name for figures in rounds.values() for name in figures})
    return {name: spread(figures[name] for figures in rounds.values() if name in figures) for name in names}


def ratios(rounds: Rounds, base: Rounds) -> dict[str, Spread]:
    """Each figure by the base's in the same round, over the rounds: what slows a whole round down falls out."""
    paired = {
        number: {
            name: value / base[number][name] for name, value in figures.items() if base[number].get(name, 0.0) != 0.0
        }
        for number, figures in rounds.items()
        if number in base
    }
    return summary(paired)


def middle_rate(ended: Sequence[float], in_flight: int) -> float:
    """Ends a second, without the first and the last that were in flight together, while the load came and went.

    Orders come in waves at first. So if there are not many more than are in flight at once, it is the rate of all.
    """
    times = sorted(ended)
    if len(times) < MANY * in_flight:
        return len(times) / times[-1] if times else 0.0
    first, last = times[in_flight], times[-1 - in_flight]
    return (len(times) - 1 - 2 * in_flight) / (last - first)


def rotated(names: Sequence[str], number: int) -> list[str]:
    """The order of a round, which each round begins one further on."""
    start = number % len(names) if names else 0
    return [*names[start:], *names[:start]]
