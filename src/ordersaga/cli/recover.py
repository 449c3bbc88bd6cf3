"""`ordersaga recover`: repairs orders after a database was restored from an older backup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit
from ordersaga.cli.output import AsJson
from ordersaga.cli.run import order_client, run_async

if TYPE_CHECKING:
    from ordersaga.audit.books import Books
    from ordersaga.orders.client import OrderClient

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")]


def recover(dry_run: DryRun = False, as_json: AsJson = False) -> int:
    """Repair orders after a database was restored from an older backup.

    Exit code 1: something is still wrong.

    First, orders that are missing from the register are added again from Temporal. Then the services are repaired:
    effects that completed orders have lost are made again, and leftover effects of other orders are undone. The watcher
    restarts orders that are missing from Temporal. See docs/how-to/restore.md.
    """
    return run_async(_recover(dry_run, as_json))


async def _recover(dry_run: bool, as_json: bool) -> int:
    from ordersaga.audit.books import check_books

    async with order_client() as client:
        books = await check_books(client)
        done = await _repair(client, books, dry_run)
        if done and not dry_run:
            books = await check_books(client)
    if as_json:
        output.emit({"orders": done, "books": books.to_json()})
    else:
        _print(done, books)
    return Exit.OK if books.balanced else Exit.NO


async def _repair(client: OrderClient, books: Books, dry_run: bool) -> dict[str, str]:
    """Repair each order that breaks a rule, first in the register, then in the services. Returns what was done."""
    from ordersaga.audit.books import Rule, check_books
    from ordersaga.domain.errors import OrdersagaError
    from ordersaga.orders.restore import Restoring

    restoring, done = Restoring(client), {}
    for rules, repair, would in (
        ((Rule.REGISTER,), restoring.register, "would be added to the register again"),
        ((Rule.COMPLETED, Rule.UNDONE, Rule.MONEY), restoring.effects, "would be restored to its outcome"),
    ):
        for order_id in sorted({each.order_id for each in books.violations if each.order_id and each.rule in rules}):
            try:
                done[order_id] = would if dry_run else await repair(order_id)
            except OrdersagaError as error:
                done[order_id] = f"not recovered: {error}"
        if not dry_run and Rule.REGISTER in rules:
            books = await check_books(client)
    return done


def _print(done: dict[str, str], books: Books) -> None:
    if done:
        output.table(("order", "action"), done.items())
        output.line()
    output.line(
        "The books balance." if books.balanced else f"The books do not balance: {len(books.violations):,} violations."
    )
