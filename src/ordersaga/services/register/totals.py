"""Counts and amounts over all orders, computed by the database."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from ordersaga.contracts.register import StatusTotal, Totals
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
    """Many orders together may exceed what one amount of Money may be."""
    return f"{Decimal(minor).scaleb(-minor_digits(currency)):f}"
