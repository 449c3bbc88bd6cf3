"""What works without the extras, and the message if one is missing.

The packages are installed. Each command runs in a process that cannot find some of them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from ordersaga.cli.extras import MODULES, Extra
from tests.acceptance.harness import NOWHERE, ROOT, Done, environment

OPTIONAL = {"httptools", "uvloop"}
"""Without these, a slower alternative is used."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

RUN_WITHOUT = """
import sys
from importlib.machinery import PathFinder

hidden = set(sys.argv.pop(1).split(","))

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in hidden else super().find_spec(name, path, target)

sys.meta_path[:] = [Without if finder is PathFinder else finder for finder in sys.meta_path]
from ordersaga.cli import main
main()
"""


def modules_of(extra: str) -> set[str]:
    """The modules of the packages that pyproject.toml names for an extra."""
    named = {re.split(r"[<>=\[;]", requirement)[0].strip() for requirement in PROJECT["optional-dependencies"][extra]}
    found = {
        module
        for module, packages in packages_distributions().items()
        if {package.replace("_", "-").lower() for package in packages} & named
    }
    return found - {"multipart"}  # the old name of python_multipart


def hidden_without(*extras: str) -> str:
    """What an installation with only these extras does not have."""
    there = {module for extra in extras for module in modules_of(extra)}
    hidden = (modules_of("services") | modules_of("web")) - there
    return ",".join(sorted(hidden if extras else {*hidden, "starlette"}))


def run(arguments: list[str], *extras: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-c", RUN_WITHOUT, hidden_without(*extras), *arguments],
        cwd=ROOT,
        env=environment(NOWHERE) | {"ORDERSAGA_API_RATE": "5/second"},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("extra", MODULES)
def test_the_modules_are_those_that_pyproject_names(extra: Extra) -> None:
    assert set(MODULES[extra]) == modules_of(extra) - OPTIONAL


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["--help"], 0),
        (["doctor"], 3),
        (["place", "examples/order.json"], 3),
        (["status", "1"], 3),
        (["list"], 3),
        (["worker"], 3),
    ],
)
def test_clients_and_workers_need_no_extra(arguments: list[str], code: int) -> None:
    done = run(arguments)
    assert done.code == code, done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("command", "extra"), [("services", "services"), ("api", "web"), ("up", "local"), ("demo", "local")]
)
def test_a_command_says_which_extra_it_needs(command: str, extra: str) -> None:
    done = run([command])
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"`ordersaga {command}` needs the extra [{extra}], which is not installed. Nothing was started. "
        f'To install it: pip install "ordersaga[{extra}]"\n'
    )


def test_the_doctor_names_what_is_not_installed_and_finds_no_fault_with_it() -> None:
    found = {each["name"]: each for each in run(["doctor", "--json"], "services").json()}
    assert found["extras"]["state"] == "ok"
    assert "without web, local;" in found["extras"]["detail"]


@pytest.mark.parametrize(("command", "extra"), [("services", "services"), ("api", "web")])
def test_each_extra_is_enough_for_its_command(command: str, extra: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUN_WITHOUT, hidden_without(extra), command, "--json", "--port", "0"],
        env=environment(NOWHERE) | {"ORDERSAGA_DATABASE_URL": f"sqlite:///{tmp_path}"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        line = process.stdout.readline()
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert line, err
    assert json.loads(line)["ready"]
