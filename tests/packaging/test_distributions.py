"""The wheel and the source distribution hold all that ordersaga needs to run, and nothing of its workshop."""

from __future__ import annotations

import re
import subprocess
import tarfile
import tomllib
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest

from tests.acceptance.harness import ROOT
from tests.packaging.building import build

SOURCE = ROOT / "src"
IN_WHEEL_ONLY = {"ordersaga/demo/retail/orders.jsonl", "ordersaga/demo/retail/order.json"}
"""Files of examples/ that the wheel has elsewhere."""


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build(tmp_path_factory.mktemp("dist"))


def package_files() -> set[str]:
    """What git has below src/, or would take in."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "src"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return {name.removeprefix("src/") for name in listed if (ROOT / name).exists()}


def test_the_wheel_holds_the_package_its_data_and_nothing_else(distributions: tuple[Path, Path]) -> None:
    wheel = zipfile.ZipFile(distributions[0])
    assert wheel.testzip() is None
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == package_files() | IN_WHEEL_ONLY
    for kind in (r"templates/\w+\.html", r"static/\w+\.css", r"migrations/\w+\.sql", r"orders\.jsonl", r"py\.typed"):
        assert any(re.search(f"/{kind}$", name) for name in names), f"no {kind}"
    for name in IN_WHEEL_ONLY:
        assert wheel.read(name) == (ROOT / "examples" / Path(name).name).read_bytes()


def test_the_wheel_has_the_metadata_of_pyproject(distributions: tuple[Path, Path]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wheel = zipfile.ZipFile(distributions[0])
    (path,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    message = BytesParser().parsebytes(wheel.read(path))
    assert (message["Name"], message["Version"]) == (project["name"], project["version"])
    assert set(message.get_all("Provides-Extra") or []) == set(project["optional-dependencies"])
    base = [each for each in message.get_all("Requires-Dist") or [] if "extra ==" not in each]
    assert {re.split(r"[<>=]", each)[0] for each in base} == {
        re.split(r"[<>=]", each)[0] for each in project["dependencies"]
    }


def test_the_source_distribution_holds_what_a_wheel_is_built_from(distributions: tuple[Path, Path]) -> None:
    with tarfile.open(distributions[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in package_files()} <= names
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "examples/orders.jsonl"} <= names
    outside = {name.partition("/")[0] for name in names} - {"src", "examples"}
    assert {name for name in outside if "." not in name} == {"LICENSE", "PKG-INFO"}, (
        "folders of the workshop have no place in it"
    )


def test_a_wheel_built_from_the_source_distribution_is_the_same(
    distributions: tuple[Path, Path], tmp_path: Path
) -> None:
    wheel, sdist = distributions
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    again, _ = build(tmp_path / "dist", source)
    assert {each.filename: each.CRC for each in zipfile.ZipFile(again).infolist()} == {
        each.filename: each.CRC for each in zipfile.ZipFile(wheel).infolist()
    }
