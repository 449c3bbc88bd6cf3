"""Load stock. Each function runs in one transaction."""

from __future__ import annotations

from collections.abc import Mapping

from ordersaga.contracts.inventory import StockItem
from ordersaga.domain.errors import StockInUse
from ordersaga.services.kit.paged_table import PagedTable
from ordersaga.services.kit.store import Row, Transaction

_LOAD = """
INSERT INTO stock (sku, loaded, on_hand) VALUES (?, ?, ?)
ON CONFLICT (sku) DO UPDATE SET loaded = excluded.loaded, on_hand = excluded.loaded - stock.reserved - stock.shipped
WHERE excluded.loaded >= stock.reserved + stock.shipped
"""
_SHOWN = 20


def _entry(row: Row) -> StockItem:
    return StockItem(
        sku=row["sku"],
        loaded=row["loaded"],
        on_hand=row["on_hand"],
        reserved=row["reserved"],
        shipped=row["shipped"],
    )


TABLE = PagedTable("SELECT sku, loaded, on_hand, reserved, shipped FROM stock", "sku", _entry, "sku", str)


async def load(tx: Transaction, levels: Mapping[str, int]) -> None:
    """Set the total numbers of pieces that have ever been loaded. Raises StockInUse; then nothing has changed."""
    rows = [(sku, loaded, loaded) for sku, loaded in sorted(levels.items())]
    if await tx.execute_many(_LOAD, rows) < len(rows):
        raise StockInUse(await _in_use(tx, levels))


async def _in_use(tx: Transaction, levels: Mapping[str, int]) -> str:
    found = []
    for sku, loaded in levels.items():
        item = await TABLE.find(tx, sku)
        if item.reserved + item.shipped > loaded:
            found.append(f"{sku}: {item.reserved} reserved and {item.shipped} shipped, so {loaded} is too few")
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{'; '.join(found[:_SHOWN])}{more}. No stock was changed."
