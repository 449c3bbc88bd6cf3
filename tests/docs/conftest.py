"""A stack for a reader of the pages, and a folder that looks like a clone."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.harness import ROOT, Up, environment
from tests.docs.shell import Shell


@dataclass(frozen=True)
class Reader:
    """Who reads the pages: where they are, and with which variables."""

    folder: Path
    environment: dict[str, str]
    addresses: dict[str, str]

    def shell(self) -> Shell:
        """A shell of theirs."""
        return Shell(self.folder, self.environment, self.addresses)


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader whose stack runs, with stock for examples/order.json."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "examples").symlink_to(ROOT / "examples")
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    command = programs / "ordersaga"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ordersaga "$@"\n')
    command.chmod(0o755)
    up = Up(tmp_path_factory.mktemp("up") / "data").start()
    try:
        up.load(MUG_BLUE=100, TEA_EARL_GREY=100)
        variables = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "200"}
        addresses = {
            "localhost:8000": up.ready["api"].removeprefix("http://"),
            "localhost:8001": up.ready["services"]["inventory"].removeprefix("http://").removesuffix("/inventory"),
        }
        yield Reader(folder, environment(up.where | variables), addresses)
    finally:
        up.end(signal.SIGTERM)
