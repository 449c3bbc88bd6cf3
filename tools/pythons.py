"""The Pythons on this machine that ordersaga runs on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLDEST = (3, 11)
_ASK = "import sys; print(sys.executable, *sys.version_info[:2])"


def pythons() -> dict[str, str]:
    """The path of each Python of 3.11 or later, one for each minor version, by its version such as 3.12."""
    found: dict[tuple[int, int], str] = {}
    for candidate in _candidates():
        done = subprocess.run([candidate, "-c", _ASK], check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode == 0:  # a shim of pyenv may lead nowhere
            path, major, minor = done.stdout.rsplit(maxsplit=2)
            found.setdefault((int(major), int(minor)), path)
    return {f"{major}.{minor}": path for (major, minor), path in sorted(found.items()) if (major, minor) >= OLDEST}


def _candidates() -> Iterator[str]:
    yield getattr(sys, "_base_executable", sys.executable)
    for minor in range(OLDEST[1], OLDEST[1] + 10):
        if path := shutil.which(f"python3.{minor}"):
            yield path
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    names = [each.name for each in versions.glob("3.*") if re.fullmatch(r"3\.\d+\.\d+", each.name)]
    for name in sorted(names, key=lambda name: [int(part) for part in name.split(".")], reverse=True):
        yield str(versions / name / "bin" / "python")
