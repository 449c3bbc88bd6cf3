"""Durations as text, the same on web pages and in the terminal."""

from __future__ import annotations

from datetime import timedelta

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
"""dashboard.js has the same table, because it updates these texts in the browser."""


def in_largest_unit(seconds: int) -> str:
    """Whole seconds in the largest unit that fits: 4 s, 3 min, 2 h, 5 d."""
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), _UNITS[-1])
    return f"{seconds // size} {unit}"


def in_two_units(length: timedelta) -> str:
    """A duration in its two largest units: 34 ms, 1.2 s, 3 min 4 s, 2 d 5 h."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    index = next(index for index, (_, size) in enumerate(_UNITS) if whole >= size)
    (large, size), (small, part) = _UNITS[index : index + 2]
    rest = whole % size // part
    return f"{whole // size} {large}" + (f" {rest} {small}" if rest else "")
