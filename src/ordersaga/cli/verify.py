"""`ordersaga verify`: do the books balance?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit
from ordersaga.cli.output import AsJson
from ordersaga.cli.run import order_client, run_async

if TYPE_CHECKING:
    from ordersaga.audit.books import Books


def verify(as_json: AsJson = False) -> int:
    """Check that the books of the services, the register and Temporal agree.

    Changes nothing, and can run while orders are processed. Exit code 1: the books do not balance.
    docs/explanation/books.md explains the rules.
    """
    return run_async(_verify(as_json))


async def _verify(as_json: bool) -> int:
    from ordersaga.audit.books import check_books

    async with order_client() as client:
        books = await check_books(client)
    if as_json:
        output.emit(books.to_json())
    else:
        _print(books)
    return Exit.OK if books.balanced else Exit.NO


def _print(books: Books) -> None:
    if books.violations:
        rows = ((each.order_id or each.sku, each.rule, each.detail) for each in books.violations)
        output.table(("order or SKU", "rule", "problem"), rows)
        output.line()
    counts = ", ".join(f"{count:,} {status}" for status, count in sorted(books.orders.items()))
    output.line(f"Orders: {counts or 'none'}; {books.open:,} in progress")
    for currency, money in sorted(books.money.items()):
        output.line(f"{currency}: {money.captured} captured, {money.refunded} refunded, {money.shipped} shipped")
    if books.unsettled:
        output.line(f"Not checked, because the stock kept changing: {', '.join(books.unsettled)}. Run the check again.")
    output.line(
        "The books balance." if books.balanced else f"The books do not balance: {len(books.violations):,} violations."
    )
