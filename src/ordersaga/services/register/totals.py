"""Counts and amounts of orders, computed by the database."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ordersaga.contracts.register import PlacedCount, PlacedCounts, PlacedQuery, StatusTotal, Stretch, Totals
from ordersaga.domain.errors import InvalidRequest
from ordersaga.domain.money import minor_digits
from ordersaga.domain.result import OrderStatus
from ordersaga.services.kit.store import Transaction

_BY_STATUS = " UNION ALL ".join(
    f"SELECT status, currency, COUNT(*) AS orders, CAST(SUM(amount_minor) AS BIGINT) AS minor FROM accepted_order "  # noqa: S608
    f"WHERE ended_at IS {part} GROUP BY status, currency"
    for part in ("NULL", "NOT NULL")
)
_AT_RISK = """
SELECT attention_kind, currency, COUNT(*) AS orders, CAST(COALESCE(SUM(at_risk_minor), 0) AS BIGINT) AS minor
FROM accepted_order WHERE attention_kind IS NOT NULL GROUP BY attention_kind, currency
"""


_MAX_INTERVALS = 2_000
_STRETCHES = {
    Stretch.MINUTE: (timedelta(minutes=1), len("2026-11-27T12:00")),
    Stretch.HOUR: (timedelta(hours=1), len("2026-11-27T12")),
    Stretch.DAY: (timedelta(days=1), len("2026-11-27")),
}
"""The length of each interval, and how many characters of a stored time identify it."""
_PLACED = " UNION ALL ".join(
    f"SELECT status, substr(accepted_at, 1, ?) AS stretch, COUNT(*) AS orders FROM accepted_order "  # noqa: S608
    f"WHERE {part} AND accepted_at >= ? GROUP BY status, stretch"
    for part in ("ended_at IS NULL", "ended_at IS NOT NULL AND status IN ('completed', 'failed', 'cancelled')")
)


async def placed(tx: Transaction, query: PlacedQuery) -> PlacedCounts:
    """Numbers of orders by time of placing. Raises InvalidRequest if there would be too many intervals."""
    length, characters = _STRETCHES[query.per]
    if query.placed_after < datetime.now(UTC) - _MAX_INTERVALS * length:
        raise InvalidRequest(f"placed_after: it is more than {_MAX_INTERVALS:,} {query.per}s ago")
    values = characters, query.placed_after.isoformat(timespec="microseconds")
    counts = [
        PlacedCount(
            start=datetime.fromisoformat(row["stretch"]).replace(tzinfo=UTC),
            status=OrderStatus(row["status"]),
            orders=row["orders"],
        )
        for row in await tx.fetch_all(_PLACED, *values, *values)
    ]
    return PlacedCounts(counts=sorted(counts, key=lambda each: (each.start, each.status)))


async def totals(tx: Transaction) -> Totals:
    """The totals of all orders."""
    counts: Counter[OrderStatus] = Counter()
    amounts = []
    for row in await tx.fetch_all(_BY_STATUS):
        status, currency = OrderStatus(row["status"]), row["currency"]
        counts[status] += row["orders"]
        amounts.append(
            StatusTotal(status=status, currency=currency, orders=row["orders"], amount=_amount(row["minor"], currency))
        )
    kinds: Counter[str] = Counter()
    at_risk: Counter[str] = Counter()
    for row in await tx.fetch_all(_AT_RISK):
        kinds[row["attention_kind"]] += row["orders"]
        at_risk[row["currency"]] += row["minor"]
    return Totals(
        orders=dict(counts),
        amounts=sorted(amounts, key=lambda each: (each.currency, each.status)),
        attention=dict(kinds),
        at_risk={currency: _amount(minor, currency) for currency, minor in sorted(at_risk.items())},
    )


def _amount(minor: int, currency: str) -> str:
    """Format a sum. The sum of many orders may exceed the maximum of Money."""
    return f"{Decimal(minor).scaleb(-minor_digits(currency)):f}"
