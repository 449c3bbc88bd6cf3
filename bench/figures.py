"""The figures: their titles and formats in tables and charts."""

from __future__ import annotations

from dataclasses import dataclass

from bench.stats import Spread


@dataclass(frozen=True)
class Figure:
    """One figure of a run."""

    name: str
    title: str
    digits: int = 0

    def cell(self, spread: Spread | None) -> str:
        """The median, followed by the spread."""
        return "" if spread is None else format_spread(spread, self.digits)


FIGURES = {
    figure.name: figure
    for figure in (
        Figure("orders_per_s", "orders/s", 1),
        Figure("cpu_ms", "CPU ms/order", 1),
        Figure("idle_p50_ms", "idle p50 ms", 0),
        Figure("idle_p99_ms", "idle p99 ms", 0),
        Figure("half_p50_ms", "half load p50 ms", 0),
        Figure("half_p99_ms", "half load p99 ms", 0),
        Figure("memory_mb", "memory MB", 0),
        Figure("events", "history events", 1),
        Figure("history_bytes", "history bytes", 0),
        Figure("actions", "billable actions", 2),
        Figure("others_pct", "other load on the machine %", 0),
    )
}

RATIO_DIGITS = 2


def format_spread(spread: Spread, digits: int) -> str:
    """Format a spread, such as 27.0 (25.1 to 28.3); for a single round, the figure alone."""
    median, low, high = (f"{spread[key]:,.{digits}f}" for key in ("median", "min", "max"))
    return median if spread["rounds"] == 1 else f"{median} ({low} to {high})"


def parts_of(names: list[str], whole: str) -> list[str]:
    """The names of the roles or types below a figure."""
    return sorted({name.removeprefix(f"{whole}.") for name in names if name.startswith(f"{whole}.")})
