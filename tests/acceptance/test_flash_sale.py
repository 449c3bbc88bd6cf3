"""Everybody orders the same article, and stock is short: exactly the stock is sold, and other orders are refused."""

from __future__ import annotations

from collections import Counter

from tests.acceptance.harness import Up
from tests.acceptance.test_cli import lines, order

ORDERS, UNITS = 60, 12


def test_as_many_are_sold_as_there_are(up: Up) -> None:
    up.load(FLASH=UNITS)
    item = {"sku": "FLASH", "quantity": 1, "price": "9.99"}
    placed = up.command("place", "-", "--json", stdin=lines(*(order(f"sale-{n}", items=[item]) for n in range(ORDERS))))

    ends = Counter((each["status"], each["refusal"]) for each in placed.json())
    assert ends == {("completed", None): UNITS, ("failed", "InsufficientInventory"): ORDERS - UNITS}
    assert placed.code == 1
    assert up.command("verify", "--json").json()[0]["violations"] == []
