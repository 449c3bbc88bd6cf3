"""`ordersaga up`: everything answers, what dies restarts, nothing is left behind, and orders continue."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import psutil

from tests.acceptance.harness import ANY_PORT, ROOT, Done, Up, alive, eventually, ordersaga, retire, started

HELD = json.loads((ROOT / "examples/order.json").read_text()) | {"policy": {"hold_before_shipping": 3600}}


def test_the_ready_line_is_true(up: Up) -> None:
    assert set(up.ready) == {"ready", "api", "temporal", "ui", "services", "database", "pids"}
    assert set(up.ready["pids"]) == {"temporal", "services", "worker", "api"}
    assert list(up.ready["services"]) == ["register", "inventory", "payment", "shipping", "notification"]
    healths = [f"{url}/healthz" for url in (up.ready["api"], *up.ready["services"].values())]
    for url in [up.ready["ui"], *healths]:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
            assert answer.status == 200
    assert up.command("doctor").code == 0


def test_the_api_gets_the_address_of_this_stack(up: Up) -> None:
    (api,) = [child for child in up.family() if child.cmdline()[2:4] == ["ordersaga", "api"]]
    received = api.environ()
    assert received["TEMPORAL_ADDRESS"] == up.ready["temporal"]
    assert received["ORDERSAGA_TEMPORAL_UI_URL"] == up.ready["ui"]
    assert received["ORDERSAGA_PAYMENT_URL"] == up.ready["services"]["payment"]


def test_nothing_listens_to_other_machines(up: Up) -> None:
    listening = [
        connection.laddr.ip
        for child in up.family()
        for connection in child.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert set(listening) == {"127.0.0.1"}


def test_one_stack_for_a_data_directory(up: Up) -> None:
    done = ordersaga("up", "--json", "--data-dir", up.data_dir, *ANY_PORT)

    assert (done.code, done.out) == (1, "")
    assert f"uses the data directory {up.data_dir}" in done.err


def test_a_port_in_use_is_named_before_anything_starts(up: Up, tmp_path: Path) -> None:
    taken = up.ready["temporal"].partition(":")[2]
    done = ordersaga("up", "--data-dir", tmp_path, *ANY_PORT, "--temporal-port", taken)

    assert (done.code, done.out) == (1, "")
    assert f"Port {taken} cannot be used (Address already in use). Nothing was started." in done.err
    assert "--temporal-port" in done.err
    assert not (tmp_path / "temporal.db").exists()


def test_a_child_that_cannot_start_is_reported_with_its_log_tail(tmp_path: Path) -> None:
    (tmp_path / "services").write_text("a file where the folder of the books should be")
    process = started("up", "--data-dir", tmp_path, *ANY_PORT)
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (1, "")
    assert "services does not start (exit code 1); the stack was stopped." in err
    assert "cannot be used" in err
    assert str(tmp_path / "logs" / "services.log") in err


def test_children_that_die_come_back_and_orders_go_on(up: Up) -> None:
    before, message = up.ready["pids"], up.messages.count("runs again")
    for pid in before.values():
        psutil.Process(pid).kill()
    eventually(lambda: up.messages.count("runs again") - message == len(before), "the children are started again")

    now = {child.pid for child in up.family()}
    assert not now & set(before.values())
    done = up.command("place", "-", "--json", stdin=json.dumps(HELD | {"order_id": "after-kill", "policy": None}))
    assert (done.code, done.json()[0]["status"]) == (0, "completed"), done.err


def test_a_killed_stack_leaves_nothing_running_and_continues_with_its_orders(tmp_path: Path) -> None:
    stack = Up(tmp_path / "data").start()
    try:
        stack.load(MUG_BLUE=10, TEA_EARL_GREY=10)
        assert stack.command("place", "--no-wait", "-", stdin=json.dumps(HELD)).code == 0
        code, family = stack.end(signal.SIGKILL)
        assert code == -signal.SIGKILL
        eventually(lambda: not alive(family), "nothing is left of a stack that was killed")

        stack.start()
        assert stack.command("status", "example-1") == Done(0, "processing\n", "")
        assert stack.command("cancel", "example-1", "--reason", "changed my mind").code == 0
        assert stack.command("status", "example-1").out == "cancelled\n"
        code, family = stack.end(signal.SIGTERM)
        assert code == 0
        eventually(lambda: not alive(family), "nothing is left of a stack that was stopped")
    finally:
        if stack.process.poll() is None:
            stack.end(signal.SIGTERM)


def test_what_it_prints_works_as_printed(tmp_path: Path) -> None:
    process = started("up", "--data-dir", tmp_path / "data", *ANY_PORT)
    assert process.stdout
    try:
        printed = list(iter(process.stdout.readline, "Press Ctrl-C to stop the stack.\n"))
        commands = "".join(
            printed[printed.index("In another terminal, load stock, place an order, and look at it:\n") + 1 :]
        )
        done = subprocess.run(
            ["sh", "-ec", commands],
            cwd=tmp_path,
            env={"PATH": os.defpath},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, commands + done.stderr
        assert "status     completed\n" in done.stdout
        dashboard = printed[0].split()[-1]
        assert f"dashboard  {dashboard}/orders/example-1\n" in done.stdout
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_stopped_while_it_starts(tmp_path: Path) -> None:
    process = started("up", "--json", "--data-dir", tmp_path, *ANY_PORT, stdout=subprocess.DEVNULL)
    parent = psutil.Process(process.pid)
    eventually(lambda: len(parent.children()) == 4, "the children are started")
    family = parent.children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    eventually(lambda: not alive(family), "nothing is left")


def test_the_worker_and_the_services_run_alone(up: Up, tmp_path: Path) -> None:
    books = up.where | {"ORDERSAGA_DATABASE_URL": f"sqlite:///{tmp_path}", "ORDERSAGA_TASK_QUEUE": "of-its-own"}
    worker = started("worker", "--json", where=books)
    services = started("services", "--json", "--port", 0, "--only", "payment", where=books)
    assert worker.stdout
    assert services.stdout

    ready = json.loads(services.stdout.readline())
    assert list(ready["services"]) == ["payment"]
    with socket.create_connection(("127.0.0.1", ready["port"]), timeout=10):
        pass
    assert json.loads(worker.stdout.readline()) == {"ready": True, "task_queue": "of-its-own", "namespace": "default"}
    for process in (worker, services):
        process.terminate()
    assert [process.wait(60) for process in (worker, services)] == [0, 0]
    for process in (worker, services):
        process.communicate()
    retire("of-its-own", books)
