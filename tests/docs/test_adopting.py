"""docs/how-to/adopting.md: its code is that of examples/adopting, whose own tests pass on a real worker."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from tests.acceptance.harness import ROOT, environment
from tests.docs.blocks import ADOPTING, Block, blocks_of


def lines_of(code: str) -> str:
    """Code without its blank lines, which ruff sets otherwise in a page than inside a function."""
    return "".join(line for line in code.splitlines(keepends=True) if line.strip())


SOURCES = [lines_of(path.read_text()) for path in sorted((ROOT / "examples" / "adopting").glob("*.py"))]


@pytest.mark.parametrize("block", [block for block in blocks_of(ADOPTING) if block.kind == "python"], ids=str)
def test_code_is_verbatim_in_the_example(block: Block) -> None:
    wanted = lines_of(textwrap.dedent(block.text))
    indented = [textwrap.indent(wanted, " " * depth) for depth in (0, 4, 8, 12)]
    assert any(text in source for text in indented for source in SOURCES), f"not in examples/adopting:\n{wanted}"


def test_the_tests_of_the_example_pass() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "examples/adopting/test_adopting.py"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env=environment({}),
        timeout=200,
    )
    assert done.returncode == 0, done.stdout
