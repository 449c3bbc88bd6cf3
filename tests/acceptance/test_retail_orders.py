"""The real data: a till's file goes in, each of its orders completes, and each invalid line is reported."""

from __future__ import annotations

import csv
import json
import subprocess
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from tests.acceptance.harness import ORDERSAGA, ROOT, Done, Up, environment, started

REAL_FILE = ROOT.parent / "shared" / "data" / "online_retail.csv"
LINES, ORDERS, REJECTED = 23_838, 813, 8_620
SECONDS = 600.0

pytestmark = pytest.mark.skipif(not REAL_FILE.exists(), reason="the real file is not at ../shared/data")


@pytest.mark.parametrize(
    "every",
    [pytest.param(4, id="every-fourth"), pytest.param(1, id="all", marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
def test_the_orders_of_the_real_file_complete(up: Up, tmp_path: Path, every: int) -> None:
    rejects = tmp_path / "rejects.csv"
    importing = started("import-retail", REAL_FILE, "--load-stock", "--json", "--rejects", rejects, where=up.where)
    placed = place(up, importing, every, tmp_path)
    assert importing.stderr
    account = json.loads(importing.stderr.read().splitlines()[-1])["account"]
    importing.stderr.close()

    assert importing.wait(SECONDS) == 0
    assert (account["lines"], account["orders"], account["rejected"]) == (LINES, ORDERS, REJECTED)
    assert named(rejects) == account["reasons"]
    assert Counter(each["status"] for each in placed.json()) == {"completed": len(range(0, ORDERS, every))}
    assert len({each["order_id"] for each in placed.json()}) == len(placed.json())
    assert placed.code == 0, placed.err
    verified = up.command("verify", "--json")
    assert (verified.code, verified.json()[0]["violations"], verified.json()[0]["unsettled"]) == (0, [], [])


def place(up: Up, importing: subprocess.Popen[str], every: int, folder: Path) -> Done:
    """Place one order out of this many, while they are imported."""
    out, err = folder / "results.jsonl", folder / "messages"
    with out.open("w") as results, err.open("w") as messages:
        placing = subprocess.Popen(
            [*ORDERSAGA, "place", "-", "--json"],
            stdin=subprocess.PIPE,
            stdout=results,
            stderr=messages,
            text=True,
            env=environment(up.where),
        )
        assert importing.stdout
        assert placing.stdin
        with importing.stdout as orders, placing.stdin as place:
            place.writelines(islice(orders, 0, None, every))
        code = placing.wait(SECONDS)
    return Done(code, out.read_text(), err.read_text())


def named(rejects: Path) -> dict[str, int]:
    """The number of rejected lines by reason. Each is reported by its number, once."""
    with rejects.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({int(row["line"]) for row in rows}) == len(rows)
    return Counter(row["reason"] for row in rows)
