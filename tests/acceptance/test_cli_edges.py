"""The commands if nothing answers: they report at once what is wrong or what to start, and do nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from ordersaga.cli.app import app
from ordersaga.cli.exit_codes import Exit
from tests.acceptance.harness import NOWHERE, ROOT, ordersaga

PAGE = (ROOT / "docs/reference/cli.md").read_text()
HEAVY = {"temporalio", "fastapi", "pydantic", "aiohttp", "rich", "structlog", "uvicorn"}
SECONDS = 15
"""The time within which a command must report that nothing answers. The machine may be slow."""


def test_help_loads_nothing_heavy() -> None:
    code = f"import sys, ordersaga.cli; print(sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_it_prints_its_version() -> None:
    done = ordersaga("--version")
    assert (done.code, done.out) == (0, f"ordersaga {version('ordersaga')}\n")


def test_every_command_and_exit_code_is_documented() -> None:
    commands = {
        command.name or command.callback.__name__.replace("_", "-")
        for command in app.registered_commands
        if command.callback
    }
    assert set(re.findall(r"^### `ordersaga ([\w-]+)", PAGE, re.MULTILINE)) == commands
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == set(Exit)


@pytest.mark.parametrize(
    ("arguments", "text", "code"),
    [
        (["plcae"], "No such command 'plcae'", 2),
        (["place"], "Missing argument", 2),
        (["place", "no-such-file.json"], "no-such-file.json cannot be read: No such file or directory", 2),
        (["place", "tests"], "Is a directory", 2),
        (["place", "README.md"], "not JSON", 2),
        (["list", "--status", "done"], "Unknown status 'done'", 2),
        (["list", "--csv"], "Use either --csv or --json", 2),
        (["list", "--min-amount", "5"], "min_amount: an amount needs a currency", 2),
        (["list", "--placed-after", "yesterday"], "'yesterday' does not match the formats", 2),
        (["cancel", "1"], "Missing option '--reason'", 2),
        (["up", "--temporal-port", "70000"], "65535", 2),
        (["api", "--host", "192.0.2.1"], "Create a key with `ordersaga api-key`", 2),
        (["api", "--host", "api.example.com"], "this machine only", 2),
        (["api-key", "shop"], "Missing option '--scope'", 2),
        (["api-key", "shop", "--scope", "orders:read"], "--file or ORDERSAGA_API_KEYS", 2),
        (["services", "--only", "billing"], "There is no service billing", 2),
        (["place", "examples/order.json"], "No Temporal server answers at 127.0.0.1:1", 3),
        (["status", "1"], "`ordersaga up` starts one here", 3),
        (["list"], "The register at http://127.0.0.1:1/register cannot be read", 3),
        (["worker"], "No Temporal server answers at 127.0.0.1:1", 3),
    ],
)
def test_the_problem_is_reported_at_once_and_nothing_is_started(arguments: list[str], text: str, code: int) -> None:
    began = time.monotonic()
    done = ordersaga(*arguments, "--json")

    assert (done.code, done.out) == (code, "")
    error = json.loads(done.err.splitlines()[-1])["error"]
    assert text in error["message"]
    assert "Nothing was" in error["message"]
    assert time.monotonic() - began < SECONDS


def test_lines_that_are_all_bad_need_no_temporal() -> None:
    done = ordersaga("place", "-", "--json", stdin='{"order_id": "a"}\n{"order_id": "b"}\n')

    assert (done.code, done.err) == (2, "2 answered: 2 invalid\n")
    assert [(each["line"], each["order_id"], each["status"]) for each in done.json()] == [
        (1, "a", "invalid"),
        (2, "b", "invalid"),
    ]


def test_a_misspelt_setting_is_named() -> None:
    done = ordersaga("place", "examples/order.json", where=NOWHERE | {"ORDERSAGA_TASKQUEUE": "q"})

    assert done.code == 2
    assert "ORDERSAGA_TASKQUEUE: there is no such setting (perhaps ORDERSAGA_TASK_QUEUE)" in done.err


def test_the_doctor_names_what_does_not_answer_and_the_cure(tmp_path: Path) -> None:
    done = ordersaga("doctor", "--json", "--data-dir", tmp_path)
    found = {each["name"]: each for each in done.json()}

    assert done.code == 3
    assert {name for name, each in found.items() if each["state"] != "ok"} == {
        "temporal",
        "register",
        "inventory",
        "payment",
        "shipping",
        "notification",
    }
    assert "ordersaga up" in found["temporal"]["do"]
    assert "ORDERSAGA_PAYMENT_URL" in found["payment"]["do"]
