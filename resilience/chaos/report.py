"""The report of a campaign: figures and findings, for people and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from resilience.chaos.checks import Finding, OrderRecord
from resilience.chaos.process_faults import FaultedProcess


@dataclass(frozen=True)
class Report:
    """The results of a campaign.

    Recovery is the seconds from a kill to the end of an order that was in flight at the time.
    """

    seed: int
    orders: int
    not_placed: int
    """Planned orders whose turn did not come before the faults stopped, because the machine was too slow."""
    ends: dict[str, int]
    faults: dict[str, int]
    kills: dict[str, int]
    stops: dict[str, int]
    decisions: dict[str, int]
    recovery_p50: float | None
    recovery_p99: float | None
    ended_after: float
    """Seconds from the stop of the faults until the last order had ended."""
    rounds: int
    """How often the reader has read orders on every surface."""
    seconds: float
    balanced: bool
    unsettled: list[str]
    retried: dict[str, int] = field(default_factory=dict)
    """Errors that callers got and retried."""
    violations: list[Finding] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return self.balanced and not self.violations

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {"good": self.good} | asdict(self)

    def lines(self, out: Path) -> Iterator[str]:
        """The report as text. `out` is the folder of the campaign's files."""
        yield f"{self.orders:,} orders: {_counts(self.ends)}" + (
            f" ({self.not_placed:,} more were planned than this machine could handle)" if self.not_placed else ""
        )
        yield f"{sum(self.faults.values()):,} faults of {len(self.faults)} kinds: {_counts(self.faults)}"
        yield f"{sum(self.kills.values())} kills: {_counts(self.kills)}; {sum(self.stops.values())} stops: " + (
            _counts(self.stops)
        )
        yield f"{sum(self.decisions.values())} decisions: {_counts(self.decisions)}"
        yield f"retried errors: {_counts(self.retried)}; the reader has read {self.rounds:,} rounds"
        yield (
            f"from a kill to the end of an order in flight: p50 {_seconds(self.recovery_p50)}, "
            f"p99 {_seconds(self.recovery_p99)}; from the last fault to the last end: {_seconds(self.ended_after)}"
        )
        yield f"the books {'balance' if self.balanced else 'do not balance'}; {self.seconds:.0f} s in all"
        if self.unsettled:
            yield f"not checked, because the stock kept changing: {', '.join(self.unsettled)}"
        yield f"{len(self.violations)} violations"
        for violation in self.violations:
            yield f"  {violation.order_id or 'all'}: {violation.detail}"
        if self.violations:
            yield from _how_to_investigate(self.violations, out)


def recoveries(records: Iterable[OrderRecord], faulted: Iterable[FaultedProcess]) -> list[float]:
    """Seconds from each kill to the end of each order that was in flight at the time.

    Orders with a lasting fault and terminated orders are left out: they wait for something other than the killed
    process.
    """
    kills = [each.at for each in faulted if each.killed]
    spans = [
        (record.placed_at, record.ended_at)
        for record in records
        if record.placed_at is not None and record.ended_at is not None
        if not (record.planned.lasting or record.planned.terminated)
    ]
    return [ended - kill for kill in kills for placed, ended in spans if placed < kill < ended]


def percentile(values: Iterable[float], percent: float) -> float | None:
    """The smallest value that at least this percentage of the values do not exceed; None if there are no values."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def counted(names: Iterable[object]) -> dict[str, int]:
    """How often each name occurs, the most frequent first."""
    return dict(Counter(str(name) for name in names).most_common())


def _how_to_investigate(violations: list[Finding], out: Path) -> Iterator[str]:
    yield f"What was planned and what happened: {out}/plan.jsonl, {out}/events.jsonl, {out}/stack/logs"
    yield f"To look at the orders, run `ordersaga up --data-dir {out}/stack`, and in another terminal:"
    for order_id in dict.fromkeys(violation.order_id for violation in violations if violation.order_id):
        yield f"  ordersaga show {order_id}; grep '\"{order_id}\"' {out}/plan.jsonl {out}/events.jsonl"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f} s"
