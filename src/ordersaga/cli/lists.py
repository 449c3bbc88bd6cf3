"""The command `list`: orders as a table, JSON or CSV. It reads from the register only."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit, WrongInput
from ordersaga.cli.output import AsJson
from ordersaga.cli.run import run_async

if TYPE_CHECKING:
    from ordersaga.contracts.register import OrderEntry
    from ordersaga.domain.result import OrderFilter, OrderSummary

_DEFAULT_LIMIT = 100
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]

Amount = Annotated[str | None, typer.Option(metavar="AMOUNT", help="Needs --currency.")]
Time = Annotated[datetime | None, typer.Option(metavar="TIME", formats=_TIMES, help="UTC, such as 2026-03-01.")]


def list_orders(
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="Only orders with this status.")] = None,
    customer: Annotated[str | None, typer.Option(metavar="ID", help="Only this customer's orders.")] = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Only orders with this email address.")] = None,
    sku: Annotated[str | None, typer.Option(metavar="SKU", help="Only orders with a line for this SKU.")] = None,
    tracking: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Only the order with this tracking number.")
    ] = None,
    search: Annotated[str | None, typer.Option(metavar="TEXT", help="Only orders whose id starts with this.")] = None,
    currency: Annotated[str | None, typer.Option(metavar="CODE", help="Only orders in this currency.")] = None,
    min_amount: Amount = None,
    max_amount: Amount = None,
    placed_after: Time = None,
    placed_before: Time = None,
    needs_attention: Annotated[
        bool | None,
        typer.Option("--needs-attention/--no-attention", help="Only orders that need attention, or that do not."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="At most this many; 0 for all. Default: 100, or all with --csv."),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
    as_json: AsJson = False,
) -> int:
    """List orders, newest first.

    Lists the orders that match all options. Only the register has to be running.
    """
    if as_csv and as_json:
        raise WrongInput("Use either --csv or --json, not both. Nothing was listed.")
    wanted = _filter(
        status,
        customer_id=customer,
        email=email,
        sku=sku,
        tracking_number=tracking,
        search=search,
        currency=currency,
        min_amount=min_amount,
        max_amount=max_amount,
        placed_after=placed_after,
        placed_before=placed_before,
        needs_attention=needs_attention,
    )
    max_orders = (0 if as_csv else _DEFAULT_LIMIT) if limit is None else limit
    return run_async(_csv(wanted, max_orders) if as_csv else _list(wanted, max_orders, as_json))


def _filter(status: str | None, **others: Any) -> OrderFilter:
    from ordersaga.domain.errors import InvalidRequest
    from ordersaga.domain.result import OrderFilter, OrderStatus
    from ordersaga.orders.register.lists import filters_of

    if status is not None and status not in list(OrderStatus):
        raise WrongInput(f"Unknown status {status!r}. Use one of {', '.join(OrderStatus)}. Nothing was listed.")
    wanted = OrderFilter(OrderStatus(status) if status else None, **others)
    try:
        filters_of(wanted)
    except InvalidRequest as problem:
        raise WrongInput(str(problem)) from None
    return wanted


async def _list(wanted: OrderFilter, limit: int, as_json: bool) -> int:
    from ordersaga.orders.register.orders import summary_of

    rows: list[OrderSummary] = []
    more = False
    async for entry in _entries(wanted, limit and limit + 1):
        more = bool(limit) and len(rows) == limit
        if more:
            break
        rows.append(summary_of(entry))
        if as_json:
            output.emit(rows[-1])
    if not as_json:
        output.table(("order", "status", "amount", "customer", "placed", "ended"), map(_row, rows))
    if more:
        output.message(f"There are more than {limit}. Use --limit 0 to list all.")
    return Exit.OK


async def _csv(wanted: OrderFilter, limit: int) -> int:
    from ordersaga.orders.register.csv_file import csv_of

    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    async for chunk in csv_of(_entries(wanted, limit)):
        sys.stdout.write(chunk)
    sys.stdout.flush()
    return Exit.OK


async def _entries(wanted: OrderFilter, limit: int) -> AsyncIterator[OrderEntry]:
    from ordersaga.orders.register.orders import OrderRegister
    from ordersaga.settings import load_settings

    async with OrderRegister(load_settings()) as register:
        async for entry in register.entries(wanted, limit or None):
            yield entry


def _row(order: OrderSummary) -> tuple[object, ...]:
    amount = f"{order.amount} {order.currency}" if order.amount else ""
    ended = f"{order.closed_at:%Y-%m-%d %H:%M:%S}" if order.closed_at else ""
    return order.order_id, order.status, amount, order.customer_id, f"{order.started_at:%Y-%m-%d %H:%M:%S}", ended
