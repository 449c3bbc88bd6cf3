"""How the bench runs programs and orders, and checks the books."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bench import engines
from bench.books import problems_of
from bench.client import config_of_json, config_to_json
from bench.engine import EngineConfig, Part
from bench.load import Phase, orders_of, run, stock
from bench.meter import Meter
from bench.temporal import TemporalServer, with_metrics
from ordersaga.audit.effects import Effects, Entry, by_order
from ordersaga.contracts.inventory import LineEntry
from ordersaga.domain.order import OrderInput, OrderItem
from ordersaga.stack.child import Program
from tests.unit.test_books import mail, payment, reservation, shipment

BUSY = "import time\nwhile time.process_time() < 0.3: pass"
PARENT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {BUSY!r}])
print("ended", flush=True)
sys.stdin.readline()
"""


def test_the_cpu_of_a_child_that_has_ended_is_counted() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        meter = Meter(lambda: {"worker": [process.pid], "gone": [2**22 + 1]})
        assert process.stdout.readline() == b"ended\n"
        assert 0.25 < meter.cpu()["worker"] < 5.0
        assert meter.memory()["worker"] > 1_000_000
        assert set(meter.cpu()) == {"worker"}
        process.stdin.write(b"\n")


def test_orders_are_real_and_their_ids_are_those_of_the_phase() -> None:
    orders = list(orders_of(Phase("full", 250)))
    assert (orders[0].order_id, orders[249].order_id) == ("full-000000", "full-000249")
    assert len({order.order_id for order in orders}) == 250
    assert {item.sku for order in orders for item in order.items} <= stock().keys()
    assert orders[0].items == orders[200].items, "there are 200 samples"


async def test_a_closed_loop_keeps_so_many_in_flight() -> None:
    now, most = 0, 0

    async def place(_order: OrderInput) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1

    outcome = await run(Phase("full", 20, in_flight=4), place)
    assert (most, len(outcome.latencies), len(outcome.ended), outcome.failed) == (4, 20, 20, 0)


async def test_an_open_loop_does_not_wait_for_slow_orders_and_counts_from_when_they_were_due() -> None:
    arrived = 0
    all_there = asyncio.Event()

    async def place(_order: OrderInput) -> None:
        nonlocal arrived
        arrived += 1
        if arrived == 5:
            all_there.set()
        await asyncio.wait_for(all_there.wait(), 30)

    outcome = await run(Phase("half", 5, rate=100.0), place)
    assert max(outcome.latencies) >= 0.04, "the first was due 40 ms before the fifth"


async def test_orders_that_fail_are_counted_and_some_are_shown() -> None:
    async def place(order: OrderInput) -> None:
        if order.order_id.endswith("1"):
            raise RuntimeError("no")

    outcome = await run(Phase("full", 50, in_flight=3), place)
    assert (outcome.failed, len(outcome.latencies)) == (5, 45)
    assert outcome.errors[0] == "full-000001: RuntimeError: no"
    assert len(outcome.errors) == 3


def order() -> OrderInput:
    sample = next(orders_of(Phase("full", 1)))
    items = [OrderItem(sku=sku, quantity=pieces, price=Decimal(4)) for sku, pieces in (("mug", 2), ("tea", 3))]
    return sample.model_copy(update={"order_id": "A", "items": items})


ALL: list[Entry] = [reservation(), payment(), shipment(), mail()]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (ALL, []),
        (ALL[1:], ["A has 0 reservations"]),
        ([*ALL, payment(name="pay-2")], ["A has 2 payments"]),
        ([*ALL[:3], mail("failed")], ["A has 0 mails"]),
        ([reservation(), payment(amount="19.00"), *ALL[2:]], ["A paid 19.00 USD instead of 20.00 USD"]),
        (
            [reservation(lines=[LineEntry(sku="mug", qty=2)]), *ALL[1:]],
            ["A: its goods are not the ordered ones"],
        ),
    ],
)
def test_the_books_of_a_completed_order(entries: list[Entry], expected: list[str]) -> None:
    assert list(problems_of(order(), by_order(entries).get("A", Effects()))) == expected


def test_an_engine_whose_package_is_missing_is_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engines.WHERE, "absent", "no_such_package_at_all:ENGINE")
    found, left_out = engines.available(["ordersaga", "absent"])
    assert list(found) == ["ordersaga"]
    assert "no_such_package_at_all" in left_out["absent"]


def test_every_engine_of_ours_has_the_name_it_is_known_by() -> None:
    own = [name for name, where in engines.WHERE.items() if not where.startswith("bench.peers")]
    found, _ = engines.available(own)
    assert {name: engine.name for name, engine in found.items()} == {name: name for name in own}


def test_the_ground_survives_the_command_line() -> None:
    config = EngineConfig(Path("a b"), {"payment": "http://127.0.0.1:1/payment"}, (1, 2))
    assert config_of_json(config_to_json(config)) == config


def test_temporal_is_found_among_the_parts_and_gets_a_metrics_port() -> None:
    worker = Part("worker", Program("worker", ["work"], 1), {})
    server = Program("temporal", ["temporal", "server", "start-dev", "--port", "7"], 1)
    parts, found = with_metrics([Part("temporal", server, {}), worker], 9)
    assert found == TemporalServer("127.0.0.1:7", 9)
    assert parts == [Part("temporal", replace(server, command=[*server.command, "--metrics-port", "9"]), {}), worker]
    assert with_metrics([worker], 9) == ([worker], None)
