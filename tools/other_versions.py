"""Run tests with other versions than those of the lock: `python -m tools.other_versions pythons|lowest [PYTEST ARGS]`.

`pythons` runs them on each Python that is here, with the locked packages. `lowest` runs them with the lowest versions
that pyproject.toml allows. Each environment is built below .artifacts/ anew, with uv if it is there, else with pip.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from packaging.requirements import Requirement

from tools.pythons import pythons

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".artifacts" / "environments"
DEFAULT_TESTS = ["tests/unit"]


class Environment:
    """A virtual environment, new and empty."""

    def __init__(self, name: str, python: str) -> None:
        self.python = str(FOLDER / name / "bin" / "python")
        self._uv = shutil.which("uv")
        folder = str(FOLDER / name)
        if self._uv:
            _run([self._uv, "venv", "--quiet", "--clear", "--python", python, folder])
        else:
            _run([python, "-m", "venv", "--clear", folder])

    def install_locked(self) -> None:
        """Install what developing needs, and ordersaga."""
        self._pip("--require-hashes", "--requirement", "requirements/dev.txt")
        self._pip("--no-build-isolation", "--no-deps", "--editable", ".")

    def install_lowest(self) -> None:
        """Install the lowest versions that pyproject.toml allows, and ordersaga."""
        wanted = [str(each) for each in requirements()]
        if self._uv:
            self._pip("--resolution", "lowest-direct", *wanted)
        else:
            self._pip(*wanted, *lowest_versions(requirements()))
        self._pip("--no-build-isolation", "--no-deps", "--editable", ".")

    def test(self, arguments: Sequence[str]) -> bool:
        """Run the tests, and say whether they passed."""
        command = [self.python, "-m", "pytest", "-p", "no:cacheprovider", *(arguments or DEFAULT_TESTS)]
        return subprocess.run(command, cwd=ROOT, check=False).returncode == 0  # noqa: S603

    def _pip(self, *arguments: str) -> None:
        if self._uv:
            _run([self._uv, "pip", "install", "--quiet", "--python", self.python, *arguments])
        else:
            _run([self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments])


def requirements() -> list[Requirement]:
    """What pyproject.toml names to run with all extras and to develop, each once."""
    read = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, groups = read["project"], read["dependency-groups"]
    extras = [name for extra in project["optional-dependencies"].values() for name in extra]
    named = [
        *project["dependencies"],
        *extras,
        *groups["build"],
        *(each for each in groups["dev"] if isinstance(each, str)),
    ]
    found = [Requirement(each) for each in dict.fromkeys(named)]
    return [each for each in found if each.name != project["name"]]


def lowest_versions(wanted: Iterable[Requirement]) -> list[str]:
    """The requirements, each held to the lowest version that it allows, which has to exist."""
    lowest = []
    for each in wanted:
        (bound,) = (one.version for one in each.specifier if one.operator == ">=")
        marker = f"; {each.marker}" if each.marker else ""
        lowest.append(f"{each.name}=={bound}{marker}")
    return lowest


def main(arguments: Sequence[str]) -> int:
    """Build the environments, and run the tests in each. Exit code 1 if some failed, 2 for wrong usage."""
    which, *tests = arguments or [""]
    if which not in ("pythons", "lowest"):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    here = pythons()
    # The lowest versions are as old as the oldest Python, and the newest Python may be too new for them.
    chosen = dict(list(here.items())[:1]) if which == "lowest" else here
    failed = [name for name, python in chosen.items() if not _passes(which, name, python, tests)]
    _say(f"Failed on Python {', '.join(failed)}." if failed else f"Passed on Python {', '.join(chosen)}.")
    return 1 if failed else 0


def _passes(which: str, version: str, python: str, tests: Sequence[str]) -> bool:
    _say(f"Building {FOLDER.relative_to(ROOT) / f'{which}-{version}'} with {python} ...")
    environment = Environment(f"{which}-{version}", python)
    if which == "lowest":
        environment.install_lowest()
    else:
        environment.install_locked()
    _say(f"Running the tests on Python {version} ...")
    return environment.test(tests)


def _run(command: list[str]) -> None:
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
