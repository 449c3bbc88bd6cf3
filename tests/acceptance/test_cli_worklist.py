"""`worklist` and `resolve` against a running stack."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator

import pytest

from tests.acceptance.harness import NOWHERE, PATIENCE, Up, eventually, ordersaga
from tests.acceptance.test_cli import lines, order

IMPATIENT = {"hold_before_shipping": 3600, "undo_patience": 1, "http_timeout": 2}


def goods_leave(up: Up, order_id: str) -> None:
    """Let the warehouse send the goods out without a shipment, so that the reservation cannot be released."""
    url = f"{up.ready['services']['inventory']}/reservations/rsv-{order_id}/events"
    body = json.dumps({"state": "consumed"}).encode()
    request = urllib.request.Request(url, data=body, headers={"content-type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310
        pass


@pytest.fixture
def parked(up: Up, request: pytest.FixtureRequest) -> Iterator[str]:
    """An order that was cancelled and whose stock cannot be released."""
    order_id = f"parked-{abs(hash(request.node.name)) % 10**8}"
    up.command("place", "-", "--no-wait", stdin=lines(order(order_id, policy=IMPATIENT)))
    eventually(lambda: "charge_payment     done" in up.command("show", order_id).out, "the charge")
    goods_leave(up, order_id)
    up.command("cancel", order_id, "--reason", "changed my mind")
    eventually(lambda: order_id in up.command("worklist").out, "the worklist")
    yield order_id
    up.command("resolve", order_id, "--by", "the test's end", "--write-off", "over")


def test_what_is_parked_is_listed_and_resolved(up: Up, parked: str) -> None:
    listed = up.command("worklist")
    row = next(line for line in listed.out.splitlines() if parked in line)
    assert (listed.code, row.split()[:4]) == (1, [parked, "parked", "0.00", "USD"])
    assert up.command("status", parked).out == "needs_attention\n"
    (item,) = [item for item in up.command("worklist", "--json").json() if item["order_id"] == parked]
    assert (item["attention"], item["amount_at_risk"], item["currency"]) == ("parked", "0.00", "USD")
    assert "have left the warehouse" in item["steps"][0]["error"]
    step = next(line for line in up.command("show", parked).out.splitlines() if line.startswith("reserve_inventory"))
    assert "undo of reserve_inventory" in row
    assert re.search(rf"parked .* (in 1 min|in \d+ s|due) +rsv-{parked} .*have left the warehouse", step)

    resolved = up.command("resolve", parked, "--by", "Ada", "--write-off", "the goods are gone")

    assert resolved.code == 0
    assert "written off by Ada" in resolved.out
    eventually(lambda: up.command("status", parked).out == "cancelled\n", "the end")
    shown = up.command("show", parked).out
    assert "reserve_inventory: written off by Ada: the goods are gone" in shown
    eventually(lambda: parked not in up.command("worklist").out, "an empty worklist")
    assert [each for each in up.command("verify", "--json").json()[0]["violations"] if each["order_id"] == parked] == []


def test_notes_are_written_and_the_audit_says_who_did_what(up: Up, parked: str) -> None:
    noted = up.command("note", parked, "the customer called", "--by", "Ada", "--note-id", "n-1")
    assert (noted.code, noted.out) == (0, f"{parked}: note by Ada saved\n")
    up.command("note", parked, "the customer called", "--by", "Ada", "--note-id", "n-1")
    up.command("resolve", parked, "--by", "Grace", "--write-off", "gone")

    rows = up.command("audit", "--order", parked).out.splitlines()
    assert [row.split()[2:4] for row in rows[1:]] == [
        ["Grace", "write_off:"],
        ["Ada", "note"],
        ["-", "cancel_requested"],
    ]
    (note,) = up.command("audit", "--order", parked, "--kind", "note", "--json").json()
    assert (note["by"], note["text"], note["order_id"]) == ("Ada", "the customer called", parked)
    assert "There are more than 1" in up.command("audit", "--order", parked, "--limit", "1").err
    assert up.command("audit", "--kind", "nonsense").code == 2
    assert up.command("note", "nobody", "x", "--by", "Ada").code == 4
    assert up.command("note", parked, " ", "--by", "Ada").code == 1


REFUSED: list[tuple[list[str], int, str]] = [
    (["--by", "Ada"], 2, "Give exactly one of --retry"),
    (["--by", "Ada", "--retry", "--write-off", "x"], 2, "Give exactly one of --retry"),
    (["--retry"], 2, "--by"),
    (["--by", " ", "--retry"], 1, "name"),
    (["--by", "Ada", "--write-off", " "], 1, "reason"),
    (["--by", "Ada", "--go-forward"], 1, "create_shipment"),
    (["--by", "A" * 501, "--retry"], 2, "at most 500"),
]


def test_a_decision_that_cannot_be_taken_says_why(up: Up, parked: str) -> None:
    for options, code, message in REFUSED:
        refused = up.command("resolve", parked, *options)
        assert (refused.code, refused.out) == (code, ""), options
        assert message in refused.err, options
    assert up.command("status", parked).out == "needs_attention\n"


def test_orders_that_do_not_wait_for_a_person(up: Up) -> None:
    assert up.command("resolve", "nobody", "--by", "Ada", "--retry").code == 4
    assert ordersaga("worklist", where=NOWHERE).code == 3
