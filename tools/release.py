"""Make a release on this machine: `python -m tools.release VERSION`. It uploads nothing and pushes nothing.

It sets the version, dates the changelog, builds and checks the distributions, commits, and tags the commit.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from packaging.metadata import Metadata
from packaging.version import InvalidVersion, Version

PYPROJECT, CHANGELOG, DIST = Path("pyproject.toml"), Path("CHANGELOG.md"), Path("dist")
UNRELEASED = "## [Unreleased]\n"
_VERSION = re.compile(r'^version = ".*"$', re.MULTILINE)


class ReleaseError(Exception):
    """Why there is no release. The message ends with what was done."""


def release(version: str) -> list[Path]:
    """Make the release in the current directory; the distributions. Raises ReleaseError, and changes nothing then."""
    _check_version(version)
    _check_tree()
    changelog = CHANGELOG.read_text(encoding="utf-8")
    dated = dated_changelog(changelog, version, f"{datetime.now(UTC):%Y-%m-%d}")
    try:
        CHANGELOG.write_text(dated, encoding="utf-8")
        PYPROJECT.write_text(
            _VERSION.sub(f'version = "{version}"', PYPROJECT.read_text(encoding="utf-8"), count=1), encoding="utf-8"
        )
        built = _build()
        _check_wheel(next(each for each in built if each.suffix == ".whl"), version)
    except BaseException:
        _git("checkout", "--", str(CHANGELOG), str(PYPROJECT))
        raise
    _git("commit", "--quiet", "--all", "--message", f"Release {version}")
    _git("tag", "--annotate", f"v{version}", "--message", f"ordersaga {version}")
    return built


def dated_changelog(text: str, version: str, day: str) -> str:
    """The changelog with what was unreleased under this version. Raises ReleaseError if there is nothing in it."""
    before, found, after = text.partition(UNRELEASED)
    entries = after.partition("\n## [")[0]
    if not found or "\n- " not in entries:
        raise ReleaseError(f"{CHANGELOG} has no entries under {UNRELEASED.strip()!r}. Nothing was changed.")
    return f"{before}{UNRELEASED}\n## [{version}] - {day}\n{after}"


def _check_version(version: str) -> None:
    try:
        normal = str(Version(version))
    except InvalidVersion:
        normal = "a version such as 1.2.3 or 1.2.3rc1"
    if normal != version:
        raise ReleaseError(f"{version!r} is not written as {normal}. Nothing was changed.")
    if _git("tag", "--list", f"v{version}"):
        raise ReleaseError(f"The tag v{version} exists. Nothing was changed. Choose another version.")


def _check_tree() -> None:
    if changed := _git("status", "--porcelain"):
        raise ReleaseError(
            f"The working tree is not clean. Nothing was changed. Commit these, or put them away:\n{changed}"
        )


def _build() -> list[Path]:
    shutil.rmtree(DIST, ignore_errors=True)
    # Without isolation: the build backend is the locked one.
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(DIST)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise ReleaseError(f"The build failed. Nothing was committed or tagged.\n{done.stderr}")
    return sorted(DIST.iterdir())


def _check_wheel(wheel: Path, version: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        broken = archive.testzip()
        (path,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = Metadata.from_email(archive.read(path), validate=True)  # an index refuses what this refuses
    if broken or str(metadata.version) != version or "ordersaga/py.typed" not in names:
        raise ReleaseError(f"{wheel} is not a whole wheel of version {version}. Nothing was committed or tagged.")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=False, capture_output=True, text=True)  # noqa: S603, S607
    if done.returncode:
        raise ReleaseError(f"git {arguments[0]} failed: {done.stderr.strip()}. See `git status` for what was done.")
    return done.stdout.strip()


def main(arguments: Sequence[str]) -> int:
    """Make a release. Exit code 1 if there is none, 2 for wrong usage."""
    if len(arguments) != 1 or not arguments[0]:
        sys.stderr.write("Say which version: make release VERSION=1.2.3. Nothing was changed.\n")
        return 2
    try:
        built = release(arguments[0])
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(
        f"Committed and tagged v{arguments[0]}; built {', '.join(map(str, built))}. Nothing was pushed or uploaded.\n"
        "Next: git push --follow-tags, and upload what is in dist/.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
