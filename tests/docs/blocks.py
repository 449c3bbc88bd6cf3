"""The fenced blocks of the pages, as Sybil finds them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

from tests.acceptance.harness import ROOT

COURSE = ROOT / "docs" / "start" / "course.md"
"""Its blocks are tested in tests/sagas/test_course.py."""
ADOPTING = ROOT / "docs" / "how-to" / "adopting.md"
"""Its Python is excerpts: tests/docs/test_adopting.py finds them in examples/adopting."""
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if page != COURSE]

RUN = ("python", "sh", "console", "json")
SHOWN = ("text", "sql", "java")
"""Blocks that nothing can run: output, drawings, SQL that needs a server of the reader's, and Java for comparison."""
_NOT_RUN = re.compile(r"<!-- not run: ([^>]+) -->\s*\Z")
_SYBIL = Sybil([CodeBlockParser(kind, lambda _: None) for kind in (*RUN, *SHOWN)], path=str(ROOT))


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    kind: str
    text: str
    not_run: bool
    """Whether a comment before it says why it is not run."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page that have a known language, in their order."""
    text = page.read_text()
    return [
        Block(
            str(page.relative_to(ROOT)),
            example.line,
            str(example.region.lexemes["arguments"]),
            str(example.parsed),
            _NOT_RUN.search(text[: example.start]) is not None,
        )
        for example in _SYBIL.parse(page).examples()
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def to_run(*kinds: str) -> list[Block]:
    """The blocks of these kinds that are run."""
    excerpts = str(ADOPTING.relative_to(ROOT))
    return [
        block
        for block in BLOCKS
        if block.kind in kinds and not block.not_run and (block.page, block.kind) != (excerpts, "python")
    ]
