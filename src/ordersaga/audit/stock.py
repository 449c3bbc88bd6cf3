"""The rules for the stock: each SKU against its reservations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ordersaga.audit.rules import Rule, Violation
from ordersaga.contracts.inventory import ReservationEntry, ReservationState, StockItem, count_pieces


def stock_violations(stock: Iterable[StockItem], reservations: Iterable[ReservationEntry]) -> list[Violation]:
    """The rules that a SKU breaks. `stock` and `reservations` must be from the same moment."""
    sums = {ReservationState.HELD: Counter[str](), ReservationState.CONSUMED: Counter[str]()}
    for reservation in reservations:
        if reservation.state in sums:
            sums[reservation.state].update(count_pieces(reservation.items))
    held, consumed = sums[ReservationState.HELD], sums[ReservationState.CONSUMED]
    found = []
    known = set()
    for item in stock:
        known.add(item.sku)
        problems = _problems_of(item, held[item.sku], consumed[item.sku])
        found += [Violation(Rule.STOCK, f"SKU {item.sku}: {problem}", sku=item.sku) for problem in problems]
    for sku in sorted((held.keys() | consumed.keys()) - known):
        detail = f"SKU {sku}: {held[sku] + consumed[sku]} pieces are reserved or shipped, but none was ever loaded"
        found.append(Violation(Rule.STOCK, detail, sku=sku))
    return found


def _problems_of(item: StockItem, held: int, consumed: int) -> Iterator[str]:
    levels = f"{item.on_hand} on hand, {item.reserved} reserved and {item.shipped} shipped"
    if item.on_hand + item.reserved + item.shipped != item.loaded:
        yield f"{levels} do not add up to the {item.loaded} that were loaded"
    if min(item.on_hand, item.reserved, item.shipped, item.loaded) < 0:
        yield f"a number of pieces is negative ({levels})"
    if item.reserved != held:
        yield f"{item.reserved} are reserved, but held reservations add up to {held}"
    if item.shipped != consumed:
        yield f"{item.shipped} are shipped, but consumed reservations add up to {consumed}"
