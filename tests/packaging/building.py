"""Builds the distributions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.acceptance.harness import ROOT


def build(folder: Path, source: Path = ROOT) -> tuple[Path, Path]:
    """Build the wheel and the source distribution with the locked build backend; their paths."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return wheel, sdist
