"""A reader's shell: one bash for a page, so that what one block exports or aliases is there in the next."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

PATIENCE = 30.0
BAD_EXITS = (2, 3, 70, 126, 127)
"""Wrong usage, no answer, a bug, no such program. 1 and 4 are answers that a page may want to show."""
LOOKS = re.compile(r"ordersaga (show|status|list|worklist|audit|verify)\b")
"""Commands that change nothing: a reader whom they show too little yet looks again."""
_MARK = "the command has ended with"
_VARIES = ((re.compile(r"\bOS[0-9A-F]{14}\b"), "OS#"), (re.compile(r"\s+"), " "))


class Shell:
    """A bash with these variables in this folder. Addresses of a page are those of the stack that is given instead."""

    def __init__(self, folder: Path, environment: Mapping[str, str], addresses: Mapping[str, str]) -> None:
        self._folder, self._environment, self._addresses = folder, environment, addresses

    def __enter__(self) -> Self:
        self._bash = subprocess.Popen(
            ["bash", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._folder,
            env=dict(self._environment),
        )
        self.run("shopt -s expand_aliases")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._bash.stdin
        assert self._bash.stdout
        self._bash.stdin.close()
        self._bash.wait(PATIENCE)
        self._bash.stdout.close()

    def run(self, command: str) -> str:
        """Run a command, and return what it says. Asserts that it is one that works here."""
        assert self._bash.stdin
        assert self._bash.stdout
        for printed, real in self._addresses.items():
            command = command.replace(printed, real)
        self._bash.stdin.write(f"{{ {command}\n}} </dev/null; echo; echo {_MARK} $?\n")
        self._bash.stdin.flush()
        lines: list[str] = []
        for line in self._bash.stdout:
            if line.startswith(_MARK):
                said = "".join(lines)
                assert int(line.split()[-1]) not in BAD_EXITS, f"{command}\n{said}"
                return said
            lines.append(line)
        raise AssertionError(f"The shell has ended:\n{command}\n{''.join(lines)}")

    def shows(self, command: str, expected: list[str]) -> None:
        """Run a command, and assert that it prints these lines, in this order and perhaps among others."""
        deadline = time.monotonic() + PATIENCE
        while missing := _missing(expected, said := self.run(command)):
            look_again = LOOKS.match(command) and time.monotonic() < deadline
            assert look_again, f"{command}\ndoes not print\n  {missing}\nbut\n{said}"
            time.sleep(0.2)


def commands(text: str) -> list[str]:
    """The commands of a block, one a line, or more lines joined by a backslash."""
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def dialogue(text: str) -> list[tuple[str, list[str]]]:
    """Each command of a console block with the lines that the page shows below it."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def _missing(expected: list[str], said: str) -> str:
    """The first line of a page that is not printed. `…` stands for whatever it may be."""
    rest = iter([_plain(line) for line in said.splitlines()])
    for line in filter(str.strip, expected):
        pattern = re.compile(".*".join(re.escape(_plain(part)) for part in line.split("…")))
        if line.strip() != "…" and not any(pattern.search(printed) for printed in rest):
            return line
    return ""


def _plain(line: str) -> str:
    for pattern, instead in _VARIES:
        line = pattern.sub(instead, line)
    return line.strip()
