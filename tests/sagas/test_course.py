"""docs/start/course.md is correct: its code is in programs that run, and they print what the course shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap

import pytest

from examples.course.tour import TOUR_SAGA, Office, tour_activities
from ordersaga.testing.sagas import World
from tests.acceptance.harness import ROOT
from tests.docs.blocks import COURSE, Block, blocks_of

SOURCES = {path: path.read_text() for path in sorted((ROOT / "examples").rglob("*.py"))}
PYTHON = ".venv/bin/python"

TYPED = {
    "make venv": "before a test can run",
    f"{PYTHON} -m pytest examples/course/test_trip.py": "run below",
    f"{PYTHON} -m examples.course.sweep": "tests/sagas/test_sweep.py plays every seventh of its cases",
}
"""Other commands that a reader types, and how they are run."""


def blocks(*kinds: str) -> list[Block]:
    return [block for block in blocks_of(COURSE) if not kinds or block.kind in kinds]


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert COURSE.read_text().count("```") == 2 * len(blocks())
    others = {block.kind for block in blocks()} - {"python", "console", "sh"}
    assert others == {"java", "text"}, "Java is for comparison; the text is compared in test_sweep.py"


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_code_is_verbatim_in_an_example(block: Block) -> None:
    wanted = textwrap.dedent(block.text)
    texts = [source for path, source in SOURCES.items()]
    indented = [textwrap.indent(wanted, " " * depth) for depth in (0, 4, 8)]
    assert any(text in source for text in indented for source in texts), f"in no example:\n{wanted}"


def run(command: str) -> subprocess.CompletedProcess[str]:
    """Run what a reader types, with the Python of this test and without a Temporal server of the reader's."""
    python, *rest = shlex.split(command)
    assert python == PYTHON
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    return subprocess.run(
        [sys.executable, *rest], cwd=ROOT, check=False, capture_output=True, text=True, env=environment, timeout=150
    )


def alike(output: str) -> list[str]:
    """The lines without what differs between runs: times, attempts, deadlines, and the order of concurrent steps."""
    same = re.sub(r"[ \d]+\.\d s", "# s", re.sub(r"attempt \d+", "attempt #", output))
    same = same.replace(" (given up at the deadline)", "")
    return sorted(line.rstrip() for line in same.splitlines() if line.strip())


@pytest.mark.parametrize("block", blocks("console"), ids=lambda block: block.text.partition("\n")[0])
def test_a_program_prints_what_the_page_says(block: Block) -> None:
    command, _, output = block.text.partition("\n")
    done = run(command.removeprefix("$ "))

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert alike(done.stdout) == alike(output)


def test_all_other_commands_of_the_course_are_covered() -> None:
    assert {line for block in blocks("sh") for line in block.text.splitlines()} == set(TYPED)


def test_the_readers_own_tests_pass() -> None:
    done = run(f"{PYTHON} -m pytest -p no:cacheprovider examples/course/test_trip.py")

    assert done.returncode == 0, done.stdout


def test_a_worker_of_tours_has_every_activity() -> None:
    def names(activities: list[object]) -> set[str]:
        return {each.__temporal_activity_definition.name for each in activities}  # type: ignore[attr-defined]

    assert names([*tour_activities(Office())]) == names([*World(TOUR_SAGA).activities()])
