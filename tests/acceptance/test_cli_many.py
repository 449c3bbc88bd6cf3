"""Placing many orders: the input is not read ahead, and an outage of Temporal or the worker loses no order."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections import Counter
from itertools import count
from pathlib import Path

import psutil

from tests.acceptance.harness import ORDERSAGA, ROOT, Up, environment, eventually, retire, started
from tests.acceptance.test_cli import held, lines, order

READ_AHEAD = 256 << 10
"""Bytes: far more than a pipe, its reader and a few waiting orders hold, and far less than would be written."""
ORDERS = 30


def test_the_input_is_read_no_faster_than_orders_end(up: Up, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    with results.open("w") as out:
        placing = subprocess.Popen(
            [*ORDERSAGA, "place", "-", "--json", "--concurrency", "2"],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.DEVNULL,
            env=environment(up.where),
            cwd=ROOT,
        )
    assert placing.stdin
    with placing, placing.stdin:
        try:
            two = lines(held("slow-1"), held("slow-2")).encode()
            assert written_until_nobody_reads(placing.stdin.fileno(), two) < READ_AHEAD
            for order_id in ("slow-1", "slow-2"):
                assert up.command("cancel", order_id, "--reason", "the test goes on").code == 0
            rest = written_until_nobody_reads(placing.stdin.fileno(), b"\n", READ_AHEAD, patience=30)
            assert rest >= READ_AHEAD
            eventually(lambda: statuses_in(results)["cancelled"] == 2, "both orders are undone")
        finally:
            placing.send_signal(signal.SIGINT)
    assert placing.wait(30) == 130
    assert set(statuses_in(results)) == {"cancelled", "invalid"}


def statuses_in(results: Path) -> Counter[str]:
    """The number of complete rows per status so far."""
    rows = results.read_text().split("\n")[:-1]
    return Counter(json.loads(row)["status"] for row in rows)


def written_until_nobody_reads(pipe: int, first: bytes, most: int = 50 << 20, patience: float = 2.0) -> int:
    """Write invalid lines until nobody has read for `patience` seconds; returns the number of written bytes."""
    os.set_blocking(pipe, False)
    rest, written = first, 0
    numbers = count()
    while written < most and select.select([], [pipe], [], patience)[1]:
        sent = os.write(pipe, rest)
        written += sent
        rest = rest[sent:] or b"".join(b'{"order_id": "bad-%d"}\n' % next(numbers) for _ in range(100))
    return written


def test_orders_wait_for_a_worker_and_the_output_says_so(up: Up, tmp_path: Path) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_text(lines(order("lonely-1"), order("lonely-2")))
    where = up.where | {"ORDERSAGA_TASK_QUEUE": "nobody-there"}
    placing = started("place", file, "--json", where=where)
    assert placing.stderr
    said = placing.stderr.readline()
    assert said.startswith("2 placed and waiting: no worker polls the task queue 'nobody-there'.")

    worker = started("worker", where=where, stdout=subprocess.DEVNULL)
    try:
        out, err = placing.communicate(timeout=60)
    finally:
        worker.terminate()
        worker.communicate(timeout=30)
    retire("nobody-there", where)
    assert (placing.returncode, err) == (0, "2 answered: 2 completed\n")
    assert len(out.splitlines()) == 2


def test_temporal_is_killed_while_orders_are_placed(tmp_path: Path) -> None:
    stack = Up(tmp_path / "data").start()
    try:
        stack.load(MUG_BLUE=1000, TEA_EARL_GREY=1000)
        file = tmp_path / "orders.jsonl"
        file.write_text(lines(*(order(f"k{number}") for number in range(ORDERS))))
        placing = started("place", file, "--json", "--concurrency", 20, where=stack.where)
        assert placing.stdout
        first = [placing.stdout.readline() for _ in range(ORDERS // 6)]
        psutil.Process(stack.ready["pids"]["temporal"]).kill()
        out, err = placing.communicate(timeout=120)

        assert (placing.returncode, err) == (0, f"{ORDERS} answered: {ORDERS} completed\n")
        assert {json.loads(line)["order_id"] for line in [*first, *out.splitlines()]} == {
            f"k{number}" for number in range(ORDERS)
        }
        eventually(lambda: stack.command("verify", "--json").json()[0]["open"] == 0, "Temporal lists them as ended")
        verified = stack.command("verify", "--json").json()[0]
        assert (verified["violations"], verified["orders"]) == ([], {"completed": ORDERS})
    finally:
        stack.end(signal.SIGTERM)
