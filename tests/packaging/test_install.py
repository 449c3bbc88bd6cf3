"""The wheel, installed with each of its extras, on each Python that is here: `make wheel`.

It takes minutes, and installs with pip as it is configured, so that the packages come from where yours come from.
"""

from __future__ import annotations

import json
import os
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.acceptance.harness import NOWHERE, Done, environment
from tests.packaging.building import build
from tools.pythons import pythons

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PYTHONS = pythons()
INSTALL_SECONDS = 900
COMMAND_SECONDS = 300


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    wheel, sdist = build(tmp_path_factory.mktemp("dist"))
    return {"wheel": wheel, "sdist": sdist}


class Installed:
    """A fresh environment of its own with ordersaga in it."""

    def __init__(self, python: str, distribution: Path, extra: str, folder: Path) -> None:
        self._folder, self._bin = folder, folder / "venv" / "bin"
        _run([python, "-m", "venv", str(folder / "venv")])
        what = f"{distribution}[{extra}]" if extra else str(distribution)
        _run([str(self._bin / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", what])
        _run([str(self._bin / "python"), "-m", "pip", "check"])

    def ordersaga(self, *arguments: str) -> Done:
        """Run the command that was installed, away from the checkout."""
        return _run([str(self._bin / "ordersaga"), *arguments], self._folder, check=False)


def _run(command: list[str], cwd: Path | None = None, check: bool = True) -> Done:
    seconds = COMMAND_SECONDS if cwd else INSTALL_SECONDS
    where = environment(NOWHERE) | {"PATH": os.defpath}
    done = subprocess.run(command, cwd=cwd, env=where, check=False, capture_output=True, text=True, timeout=seconds)
    assert not check or done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("extra", ["", "services", "web", "local"])
@pytest.mark.parametrize("python", PYTHONS)
def test_installed_from_the_wheel(python: str, extra: str, distributions: dict[str, Path], tmp_path: Path) -> None:
    installed = Installed(PYTHONS[python], distributions["wheel"], extra, tmp_path)
    _says_its_version_and_what_is_missing(installed)
    for command, needs in (("services", "services"), ("api", "web"), ("demo", "local")):
        if extra not in (needs, "local"):
            refused = installed.ordersaga(command)
            assert refused.code == 1
            assert f'pip install "ordersaga[{needs}]"' in refused.err
    if extra == "local":
        _runs_the_demo(installed)


@pytest.mark.parametrize("python", list(PYTHONS)[-1:])
def test_installed_from_the_source_distribution(python: str, distributions: dict[str, Path], tmp_path: Path) -> None:
    _says_its_version_and_what_is_missing(Installed(PYTHONS[python], distributions["sdist"], "", tmp_path))


def _says_its_version_and_what_is_missing(installed: Installed) -> None:
    assert installed.ordersaga("--version") == Done(0, f"ordersaga {version('ordersaga')}\n", "")
    doctor = installed.ordersaga("doctor", "--json")
    assert doctor.code == 3, "nothing answers: the code for that is documented"
    problems = {each["name"] for each in doctor.json() if each["state"] != "ok"}
    assert problems == {"temporal", "register", "inventory", "payment", "shipping", "notification"}


def _runs_the_demo(installed: Installed) -> None:
    done = installed.ordersaga("demo", "--orders", "20", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["books"]["balanced"]
