"""The commands against a running stack: what they print, where, and with which exit code."""

from __future__ import annotations

import csv
import io
import json
import signal
import urllib.request
from pathlib import Path
from typing import Any

from tests.acceptance.harness import ROOT, Up, eventually, ordersaga, started

EXAMPLE = ROOT / "examples/order.json"
STATUSES = ("completed", "failed", "cancelled")


def order(order_id: str, **changes: Any) -> dict[str, Any]:
    """The example with another id and these changes."""
    return {**json.loads(EXAMPLE.read_text()), "order_id": order_id, **changes}


def held(order_id: str) -> dict[str, Any]:
    """An order that waits before its shipment until it is cancelled."""
    return order(order_id, policy={"hold_before_shipping": 3600})


def lines(*orders: dict[str, Any]) -> str:
    return "".join(json.dumps(each) + "\n" for each in orders)


def test_an_order_from_its_placing_to_the_books(up: Up) -> None:
    placed = up.command("place", EXAMPLE)
    header, row = placed.out.splitlines()
    assert (placed.code, placed.err) == (0, "1 answered: 1 completed\n")
    assert header.split()[:3] == ["ORDER", "STATUS", "AMOUNT"]
    assert row.split()[:4] == ["example-1", "completed", "47.48", "USD"]

    again = up.command("place", EXAMPLE, "--json")
    assert again.json()[0]["tracking_number"] == row.split()[-1]

    shown = up.command("show", "example-1")
    assert shown.code == 0
    for text in ("completed", "47.48 USD", row.split()[-1], "reserve_inventory", "send_confirmation", "pay-example-1"):
        assert text in shown.out
    for text in ("350 Fifth Avenue, New York, NY 10118, US", "pm_card_visa", "step_deadline 120 s", "dashboard"):
        assert (text in shown.out) == (text != "dashboard"), "where the dashboard is, nobody has said"
    assert [line.split() for line in shown.out.splitlines() if line.startswith(("customer", "MUG-BLUE"))] == [
        ["customer", "ada"],
        ["MUG-BLUE", "2", "19.99", "39.98"],
    ]
    assert up.command("status", "example-1").out == "completed\n"
    late = up.command("cancel", "example-1", "--reason", "too late", "--json")
    assert (late.code, late.json()[0]["outcome"]) == (1, "too_late")

    verified = up.command("verify", "--json")
    assert (verified.code, verified.json()[0]["balanced"], verified.json()[0]["violations"]) == (0, True, [])


def test_an_order_is_shown_with_its_pages(up: Up) -> None:
    assert up.command("place", "-", stdin=lines(order("shown-1"))).code == 0
    where = up.where | {"ORDERSAGA_DASHBOARD_URL": up.ready["api"], "ORDERSAGA_TEMPORAL_UI_URL": up.ready["ui"]}
    (shown,) = ordersaga("show", "shown-1", "--json", where=where).json()
    assert shown["order"]["items"][1] == {"sku": "TEA-EARL-GREY", "quantity": 1, "price": "7.5"}

    pages = {
        "dashboard": f"{up.ready['api']}/orders/shown-1",
        "temporal": f"{up.ready['ui']}/namespaces/default/workflows/order-shown-1",
    }
    assert shown["pages"] == pages
    plain = ordersaga("show", "shown-1", where=where).out
    for name, page in pages.items():
        assert f"{name:<11}{page}\n" in plain
    with urllib.request.urlopen(pages["dashboard"], timeout=10) as answer:  # noqa: S310
        assert "shown-1" in answer.read().decode()


def test_json_lines_are_placed_around_the_bad_ones(up: Up) -> None:
    good, declined = order("lines-1"), order("lines-2", payment_method_id="pm_card_chargeDeclined")
    bad = order("lines-3", items=[])
    text = f"\n{lines(good, declined)}{{not json\n{lines(bad, good)}"
    done = up.command("place", "-", "--json", stdin=text)

    found = done.json()
    assert sorted((each["order_id"] or "", each["status"]) for each in found) == [
        ("", "invalid"),
        ("lines-1", "completed"),
        ("lines-1", "completed"),
        ("lines-2", "failed"),
        ("lines-3", "invalid"),
    ]
    assert {each["line"]: "not JSON" in each["error"] for each in found if each["status"] == "invalid"} == {
        4: True,
        5: False,
    }
    assert [each["refusal"] for each in found if each["status"] == "failed"] == ["PaymentDeclined"]
    assert (done.code, done.err) == (2, "5 answered: 2 completed, 1 failed, 2 invalid\n")


def test_an_array_is_placed_as_a_whole_or_not_at_all(up: Up) -> None:
    good, bad = order("array-1"), order("array-2", customer_id=7)
    done = up.command("place", "-", stdin=json.dumps([good, bad]))
    assert (done.code, done.out) == (2, "")
    assert "[1]: order array-2 is not valid: customer_id:" in done.err
    assert "None of the 2 orders in the array was placed." in done.err
    assert up.command("status", "array-1").code == 4

    done = up.command("place", "-", "--json", stdin=json.dumps([good, order("array-2")], indent=2))
    assert (done.code, {each["order_id"]: each["status"] for each in done.json()}) == (
        0,
        {"array-1": "completed", "array-2": "completed"},
    )


def test_a_taken_id_is_a_conflict_and_changes_nothing(up: Up) -> None:
    assert up.command("place", "-", stdin=lines(order("taken"))).code == 0
    done = up.command("place", "-", "--json", stdin=lines(order("taken", customer_id="eve")))

    assert done.code == 1
    assert done.json()[0]["status"] == "conflict"
    assert "other content" in done.json()[0]["error"]


def test_cancelled_in_time_and_listed(up: Up) -> None:
    placed = up.command("place", "--no-wait", "--json", "-", stdin=lines(held("held-1")))
    assert (placed.code, placed.json()[0]["status"], placed.json()[0]["created"]) == (0, "placed", True)

    cancelled = up.command("cancel", "held-1", "--reason", "changed my mind")
    assert (cancelled.code, cancelled.out.partition(" (")[0]) == (0, "held-1: cancelled")
    assert eventually(lambda: up.command("status", "held-1").out == "cancelled\n", "the order is undone")
    assert up.command("show", "held-1", "--json").json()[0]["cancel_reason"] == "changed my mind"

    listed = up.command("list", "--json", "--status", "cancelled", "--search", "held-1").json()
    assert [(each["order_id"], each["status"]) for each in listed] == [("held-1", "cancelled")]
    table = up.command("list", "--limit", 1)
    assert table.out.splitlines()[0].split() == ["ORDER", "STATUS", "AMOUNT", "CUSTOMER", "PLACED", "ENDED"]
    assert len(table.out.splitlines()) == 2
    assert table.err == "There are more than 1. Use --limit 0 to list all.\n"


def test_a_list_is_found_by_each_option_and_needs_no_temporal(up: Up) -> None:
    mail = "list-1@example.com"
    for each in (order("list-1", email=mail), order("list-2", email=mail, currency="EUR")):
        assert up.command("place", "-", stdin=lines(each)).code == 0
    first, second = up.command("list", "--json", "--search", "list-").json()
    assert (first["order_id"], second["order_id"]) == ("list-2", "list-1"), "newest first"
    where = up.where | {"TEMPORAL_ADDRESS": "127.0.0.1:1"}

    def found(*options: str) -> list[str]:
        done = ordersaga("list", "--json", "--email", mail, *options, where=where)
        assert done.code == 0, done.err
        return [each["order_id"] for each in done.json()]

    assert found() == found("--sku", "MUG-BLUE") == found("--no-attention") == ["list-2", "list-1"]
    assert found("--tracking", second["tracking_number"]) == ["list-1"]
    assert found("--currency", "USD", "--min-amount", "47.48", "--max-amount", "47.48") == ["list-1"]
    assert found("--currency", "EUR", "--max-amount", "47.47") == found("--needs-attention") == []
    assert found("--placed-after", "2001-01-01", "--limit", "1") == ["list-2"]
    assert found("--placed-before", "2001-01-01") == []


def test_a_list_is_printed_as_csv_all_of_it(up: Up) -> None:
    for each in (order("csv-1", customer_id="=cmd()"), order("csv-2", customer_id='Söhne, "Co"')):
        assert up.command("place", "--no-wait", "-", stdin=lines(each)).code == 0
    done = up.command("list", "--csv", "--search", "csv-")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert (done.code, done.err) == (0, "")
    assert [(row["order_id"], row["customer_id"]) for row in rows] == [("csv-2", 'Söhne, "Co"'), ("csv-1", "'=cmd()")]
    url = f"{up.ready['api']}/v1/orders.csv?search=csv-1"
    eventually(lambda: up.command("status", "csv-1").out == "completed\n", "the order completes")
    with urllib.request.urlopen(url) as answer:  # noqa: S310
        assert answer.read().decode().splitlines() == up.command("list", "--csv", "--search", "csv-1").out.splitlines()


def test_interrupted_while_an_order_is_under_way(up: Up, tmp_path: Path) -> None:
    file = tmp_path / "held.json"
    file.write_text(json.dumps(held("held-2")))
    process = started("place", file, where=up.where)
    eventually(lambda: up.command("status", "held-2").code == 0, "the order is placed")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert err == "0 answered: none; 1 more were placed and continue\nInterrupted.\n"
    assert up.command("cancel", "held-2", "--reason", "the test is over").code == 0


def test_a_reader_that_goes_away_ends_it_quietly(up: Up) -> None:
    process = started("list", where=up.where)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    err = process.stderr.read()
    process.stderr.close()

    assert (process.wait(30), err) == (141, "")


def test_what_is_not_there(up: Up) -> None:
    for command in (["status", "nobody"], ["show", "nobody"], ["cancel", "nobody", "--reason", "none"]):
        done = up.command(*command, "--json")
        assert (done.code, done.out) == (4, "")
        error = json.loads(done.err)["error"]
        assert error["type"] == "OrderNotFound"
        assert "nobody" in error["message"]
