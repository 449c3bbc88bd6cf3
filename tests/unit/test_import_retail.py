"""The command `ordersaga import-retail`: orders on stdout, everything else on stderr or in the rejects file."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from ordersaga.cli.import_retail import import_retail, raise_stock
from ordersaga.contracts.inventory import StockItem
from ordersaga.demo.retail import RetailFileError
from ordersaga.domain.errors import OrdersagaError, ServiceFault, ServiceUnavailable
from ordersaga.domain.order import parse_order

TILL = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,HOLDER,6,01/12/2010 08:26,2.55,17850,United Kingdom
536365,71053,"LANTERN, WHITE",1,01/12/2010 08:26,0,17850,United Kingdom
C536379,D,Discount,-1,01/12/2010 09:41,27.5,14527,United Kingdom
536370,22728,CLOCK,24,01/12/2010 08:45,3.75,12583,Germany
"""
SUMMARY = """\
No order from 1 invoices, which have no valid line: C536379
4 lines: 2 in 2 orders, 2 rejected
  1 price zero or below
  1 cancelled invoice
"""


@pytest.fixture
def till(tmp_path: Path) -> Path:
    file = tmp_path / "till.csv"
    file.write_text(TILL)
    return file


def run(*arguments: object) -> Result:
    app = typer.Typer(add_completion=False)
    app.command()(import_retail)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(*arguments: object) -> OrdersagaError:
    result = run(*arguments)
    assert isinstance(result.exception, OrdersagaError), result.output
    assert not result.stdout
    return result.exception


def test_orders_go_to_stdout_and_rejected_lines_to_stderr(till: Path) -> None:
    result = run(till)

    assert result.exit_code == 0
    assert [parse_order(line).order_id for line in result.stdout_bytes.splitlines()] == ["536365", "536370"]
    assert result.stderr == f"line 3: unit price 0.00 GBP\nline 4: cancelled invoice C536379\n{SUMMARY}"


def test_messages_are_json_lines_where_json_is_asked_for(till: Path) -> None:
    result = run(till, "--json")

    first, _, account = [json.loads(line) for line in result.stderr.splitlines()]
    assert result.stdout == run(till).stdout
    assert first == {
        "line": 3,
        "reason": "price zero or below",
        "detail": "unit price 0.00 GBP",
        "original": TILL.splitlines()[2],
    }
    assert account["account"] == {
        "lines": 4,
        "lines_in_orders": 2,
        "orders": 2,
        "rejected": 2,
        "reasons": {"price zero or below": 1, "cancelled invoice": 1},
        "without_order": ["C536379"],
    }


def test_rejected_lines_go_to_a_file(till: Path) -> None:
    rejects = till.with_name("rejects.csv")

    result = run(till, "--rejects", rejects)

    assert result.stderr == SUMMARY
    with rejects.open(newline="") as table:
        assert list(csv.reader(table)) == [
            ["line", "reason", "detail", "original"],
            ["3", "price zero or below", "unit price 0.00 GBP", TILL.splitlines()[2]],
            ["4", "cancelled invoice", "cancelled invoice C536379", TILL.splitlines()[3]],
        ]


def test_neither_the_file_nor_older_rejects_are_overwritten_by_mistake(till: Path) -> None:
    rejects = till.with_name("rejects.csv")
    rejects.write_text("older")

    assert "cannot be read" in str(refused(till.with_name("til.csv"), "--rejects", rejects))
    assert "is the file to import" in str(refused(till, "--rejects", till))
    assert (rejects.read_text(), till.read_text()) == ("older", TILL)


def test_rejects_that_cannot_be_written(till: Path) -> None:
    error = refused(till, "--rejects", till.parent)

    assert isinstance(error, RetailFileError)
    assert str(error) == f"{till.parent} cannot be written: Is a directory. No order was printed."


def test_no_order_is_printed_while_the_stock_cannot_be_loaded(till: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERSAGA_INVENTORY_URL", "http://127.0.0.1:1/inventory")

    error = refused(till, "--load-stock")

    assert isinstance(error, ServiceUnavailable)
    assert "ordersaga services" in str(error)


def test_the_stock_that_the_orders_need_is_loaded_once(
    till: Path, services_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.write_text(TILL.replace("85123A", "till-1").replace("22728", "till-2"))
    monkeypatch.setenv("ORDERSAGA_INVENTORY_URL", f"{services_url}/inventory")

    first, second = run(till, "--load-stock"), run(till, "--load-stock")

    assert first.stderr.splitlines()[0] == f"Stock: 2 SKUs needed, 2 raised at {services_url}/inventory"
    assert second.stderr.splitlines()[0] == f"Stock: 2 SKUs needed, 0 raised at {services_url}/inventory"
    assert first.stdout == second.stdout != ""


class Inventory:
    """An inventory client that records what was loaded."""

    def __init__(self, broken: bool = False, **loaded: int) -> None:
        self.loaded, self.broken = loaded, broken

    async def stock(self) -> AsyncIterator[StockItem]:
        for sku, loaded in self.loaded.items():
            yield StockItem(sku=sku, loaded=loaded, on_hand=loaded, reserved=0, shipped=0)

    async def load_stock(self, loaded: Mapping[str, int]) -> None:
        if self.broken:
            raise ServiceFault("inventory answered 500 to PUT /stock")
        self.loaded |= loaded


async def test_stock_is_raised_and_never_lowered() -> None:
    inventory = Inventory(much=10, little=3)

    assert await raise_stock(inventory, {"much": 5, "little": 5, "new": 5}) == 2
    assert inventory.loaded == {"much": 10, "little": 5, "new": 5}


async def test_stock_that_is_perhaps_loaded_reports_it() -> None:
    with pytest.raises(ServiceUnavailable, match=r"500 to PUT /stock\. Some of the stock may .* Import again"):
        await raise_stock(Inventory(broken=True), {"new": 5})
