"""`make release`: on a copy of this repository, with a version that is made up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.acceptance.harness import ROOT
from tests.test_tidy import FILES
from tools.release import ReleaseError, dated_changelog

VERSION = "98.7.6"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the files of this one, all committed."""
    folder = tmp_path_factory.mktemp("clone")
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "All of it")
    return folder


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def release(folder: Path, version: str) -> subprocess.CompletedProcess[str]:
    who = {f"GIT_{role}_{what}": "ada@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return subprocess.run(
        [sys.executable, "-m", "tools.release", version],
        cwd=folder,
        env=os.environ | who,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("version", ["1.2.x", "v1.2.3", "01.2.3", ""])
def test_a_version_that_is_none_is_refused(clone: Path, version: str) -> None:
    done = release(clone, version)
    assert done.returncode in (1, 2)
    assert "Nothing was changed." in done.stderr
    assert git(clone, "status", "--porcelain") == git(clone, "tag") == ""


def test_a_tree_with_changes_is_refused_and_left_as_it_is(clone: Path) -> None:
    (clone / "README.md").write_text("changed\n")
    try:
        done = release(clone, "1.2.3")
        assert done.returncode == 1
        assert "README.md" in done.stderr
        assert "Nothing was changed." in done.stderr
        assert git(clone, "status", "--porcelain") == " M README.md\n"
    finally:
        git(clone, "checkout", "--", "README.md")


def test_a_changelog_without_entries_is_refused() -> None:
    with pytest.raises(ReleaseError, match="no entries"):
        dated_changelog("# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-01-01\n\n- All.\n", "1.0.1", "2026-02-01")


def test_a_release_is_built_committed_and_tagged_once(clone: Path) -> None:
    before = (clone / "CHANGELOG.md").read_text()
    done = release(clone, VERSION)
    assert done.returncode == 0, done.stderr
    assert "Nothing was pushed or uploaded." in done.stdout

    assert git(clone, "tag", "--points-at", "HEAD") == f"v{VERSION}\n"
    assert git(clone, "status", "--porcelain") == ""
    assert f'version = "{VERSION}"' in git(clone, "show", "HEAD:pyproject.toml")
    changelog = git(clone, "show", "HEAD:CHANGELOG.md")
    assert f"## [Unreleased]\n\n## [{VERSION}] - 20" in changelog
    assert changelog.endswith(before.partition("## [Unreleased]\n")[2]), "the entries are all there"
    wheel = zipfile.ZipFile(clone / "dist" / f"ordersaga-{VERSION}-py3-none-any.whl")
    assert f"Version: {VERSION}\n" in wheel.read(f"ordersaga-{VERSION}.dist-info/METADATA").decode()
    assert (clone / "dist" / f"ordersaga-{VERSION}.tar.gz").exists()

    again = release(clone, VERSION)
    assert again.returncode == 1
    assert f"The tag v{VERSION} exists. Nothing was changed." in again.stderr


def test_a_build_that_fails_leaves_nothing_behind(clone: Path) -> None:
    broken = (clone / "pyproject.toml").read_text().replace('readme = "README.md"', 'readme = "NONE.md"')
    (clone / "pyproject.toml").write_text(broken)
    (clone / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n- A change.\n")
    git(clone, "commit", "--quiet", "--all", "--message", "Break the build")
    done = release(clone, "98.8.0")
    assert done.returncode == 1
    assert "The build failed. Nothing was committed or tagged." in done.stderr
    assert git(clone, "status", "--porcelain") == ""
    assert "v98.8.0" not in git(clone, "tag")
