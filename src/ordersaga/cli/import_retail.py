"""`ordersaga import-retail`: turns the CSV export of a till into orders."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from ordersaga.cli import output
from ordersaga.cli.exit_codes import Exit
from ordersaga.cli.run import run_async
from ordersaga.domain.errors import ServiceFault, ServiceUnavailable

if TYPE_CHECKING:
    from ordersaga.contracts.inventory import StockItem
    from ordersaga.demo.retail import RejectedLine

REJECTS_HEADER = ("line", "reason", "detail", "original")


def import_retail(
    source: Annotated[Path, typer.Argument(metavar="CSV", help="The CSV file.")],
    rejects: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the rejected lines to this file, as CSV.")
    ] = None,
    load_stock: Annotated[
        bool, typer.Option("--load-stock", help="Load the stock that the orders need first.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print messages on stderr as JSON lines, too.")] = False,
) -> int:
    """Turn the CSV export of a till into orders.

    Prints the orders as JSON lines on stdout, and the rejected lines and the totals on stderr. Each invoice makes one
    order. With --load-stock the file is read twice: the stock is loaded before the first order is printed, so that
    `ordersaga place -` can place it.
    """
    from ordersaga.demo.retail import RetailOrder, Tally, read_retail_file

    if load_stock:
        run_async(_load_stock(source, as_json))
    tally = Tally()
    found = read_retail_file(source)
    first = next(found, None)  # an invalid file fails here, before an older file of rejects is overwritten
    with _rejects_to(rejects, source, as_json) as reject:
        for one in chain([first] if first else [], found):
            tally.add(one)
            if isinstance(one, RetailOrder):
                output.line(one.order.model_dump_json(exclude_none=True))
            else:
                reject(one)
    _say(as_json, "\n".join(tally.summary()), {"account": tally.document()})
    return Exit.OK


class Stock(Protocol):
    """The part of the inventory client that is needed here."""

    def stock(self) -> AsyncIterator[StockItem]:
        """Every SKU in stock."""

    async def load_stock(self, loaded: Mapping[str, int]) -> None:
        """Set how many pieces of each SKU were ever loaded."""


async def raise_stock(inventory: Stock, needed: Mapping[str, int]) -> int:
    """Raise the pieces ever loaded to `needed` where they are fewer. Returns how many SKUs were raised."""
    loaded = {item.sku: item.loaded async for item in inventory.stock()}
    missing = {sku: pieces for sku, pieces in needed.items() if loaded.get(sku, 0) < pieces}
    try:
        await inventory.load_stock(missing)
    except ServiceFault as fault:
        raise ServiceUnavailable(
            f"{fault}. Some of the stock may have been loaded. No order was printed. "
            "Import again when the service responds: nothing is added twice."
        ) from fault
    return len(missing)


async def _load_stock(source: Path, as_json: bool) -> None:
    from ordersaga.demo.retail import RetailOrder, read_retail_file, stock_needed
    from ordersaga.orders.service_clients import Services
    from ordersaga.settings import load_settings

    needed = stock_needed(found.order for found in read_retail_file(source) if isinstance(found, RetailOrder))
    urls = load_settings().service_urls()
    async with Services.open(urls) as services:
        raised = await raise_stock(services.inventory, needed)
    text = f"Stock: {len(needed):,} SKUs needed, {raised:,} raised at {urls['inventory']}"
    _say(as_json, text, {"stock": {"needed": len(needed), "raised": raised, "url": urls["inventory"]}})


def _say(as_json: bool, text: str, document: Mapping[str, object]) -> None:
    output.message(json.dumps(document) if as_json else text)


@contextmanager
def _rejects_to(path: Path | None, source: Path, as_json: bool) -> Iterator[Callable[[RejectedLine], None]]:
    if path is None:
        yield lambda line: _say(
            as_json, str(line), {"line": line.line, "reason": line.reason, "detail": line.detail, "original": line.text}
        )
        return
    from ordersaga.demo.retail import RetailFileError

    if path.exists() and path.samefile(source):
        raise RetailFileError(
            f"{path} is the file to import. No order was printed. Write the rejected lines to another file."
        )
    try:
        file = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise RetailFileError(f"{path} cannot be written: {error.strerror}. No order was printed.") from error
    with file:
        table = csv.writer(file)
        table.writerow(REJECTS_HEADER)
        yield lambda line: table.writerow((line.line, line.reason, line.detail, line.text))
