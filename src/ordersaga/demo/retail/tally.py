"""Counts the result of an import: what became of every line of the file."""

from __future__ import annotations

from collections import Counter

from ordersaga.demo.retail.lines import Reason, RejectedLine
from ordersaga.demo.retail.reader import RetailOrder


class Tally:
    """Counts what `read_retail` yields."""

    def __init__(self) -> None:
        self.orders = 0
        self.good = 0
        self.rejected: Counter[Reason] = Counter()
        self._without_order: dict[str, None] = {}
        self._with_order: set[str] = set()

    def add(self, found: RetailOrder | RejectedLine) -> None:
        """Count an order or a rejected line."""
        if isinstance(found, RetailOrder):
            self.orders += 1
            self.good += len(found.lines)
            self._with_order.add(found.order.order_id)
            self._without_order.pop(found.order.order_id, None)
        else:
            self.rejected[found.reason] += 1
            if found.invoice and found.invoice not in self._with_order:
                self._without_order[found.invoice] = None

    @property
    def lines(self) -> int:
        """How many lines the file has, without its header."""
        return self.good + self.rejected.total()

    @property
    def without_order(self) -> list[str]:
        """The invoices without a valid line, in the file's order."""
        return list(self._without_order)

    def summary(self) -> list[str]:
        """The counts as lines of text: invoices without an order, the total, rejected lines by reason."""
        report = []
        if missing := self.without_order:
            report.append(f"No order from {len(missing):,} invoices, which have no valid line: {', '.join(missing)}")
        report.append(
            f"{self.lines:,} lines: {self.good:,} in {self.orders:,} orders, {self.rejected.total():,} rejected"
        )
        return report + [f"  {count:,} {reason}" for reason, count in self.rejected.most_common()]

    def document(self) -> dict[str, object]:
        """The counts as a JSON document."""
        return {
            "lines": self.lines,
            "lines_in_orders": self.good,
            "orders": self.orders,
            "rejected": self.rejected.total(),
            "reasons": dict(self.rejected),
            "without_order": self.without_order,
        }
