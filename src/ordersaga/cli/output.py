"""What the commands print: data on stdout, messages on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ordersaga.domain.durations import in_largest_unit

if TYPE_CHECKING:
    from pydantic import BaseModel

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]

STYLES = {
    "completed": "green",
    "ok": "green",
    "done": "green",
    "failed": "red",
    "problem": "red",
    "invalid": "red",
    "conflict": "red",
    "needs_attention": "bold red",
    "parked": "bold red",
    "undoing": "yellow",
    "undo_requested": "yellow",
    "cancelled": "yellow",
    "compensating": "yellow",
    "processing": "cyan",
}
"""The colours of states in a terminal."""


def emit(data: BaseModel | Mapping[str, Any]) -> None:
    """Print one JSON object on a line of its own, at once."""
    line(json.dumps(data, ensure_ascii=False, default=str) if isinstance(data, Mapping) else data.model_dump_json())


def line(text: str = "") -> None:
    """Print one line on stdout, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def message(text: str) -> None:
    """Print a line for people, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: drawn in a terminal, otherwise as plain columns with headers."""
    cells = [[_text(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(headers, cells)
        return
    lines = [[header.upper() for header in headers], *cells]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for row in lines:
        line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def coloured(text: str, width: int = 0) -> str:
    """A state, padded, in its colour if stdout is a terminal."""
    colour = STYLES.get(text, "").split()[-1:]
    padded = text.ljust(width)
    return typer.style(padded, fg=colour[0]) if colour and sys.stdout.isatty() else padded


def age(since: datetime) -> str:
    """How long ago something happened, in its largest unit."""
    return in_largest_unit(max(0, int((datetime.now(UTC) - since).total_seconds())))


def due(at: datetime) -> str:
    """How long until something is due, in its largest unit."""
    seconds = math.ceil((at - datetime.now(UTC)).total_seconds())
    return f"in {in_largest_unit(seconds)}" if seconds > 0 else "due"


def _draw(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*headers, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        drawn.add_row(*(Text(cell, style=STYLES.get(cell, ""), overflow="fold") for cell in row))
    Console().print(drawn)


def _text(cell: object) -> str:
    return "" if cell is None else " ".join(str(cell).split())
