"""The report: JSON, an HTML page, and one line for the terminal."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ordersaga.stack.faults.plan import as_document
from resilience.matrix.cell import Outcome

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 2rem; display: block; overflow-x: auto }
th, td { border: 1px solid #ccc; padding: .25rem .6rem; text-align: center; font-variant-numeric: tabular-nums }
th { font-weight: 600; background: #f4f4f4 } tbody th { text-align: left }
td.good { background: #e3f3e3 } td.bad { background: #f8d0d0; font-weight: 700 }
article { border-left: 4px solid #c33; padding: .2rem 1rem; margin: 1rem 0 }
pre { white-space: pre-wrap; background: #f4f4f4; padding: .6rem }
"""


@dataclass(frozen=True)
class Run:
    """A run of the matrix: the results of its cells, and how long it took."""

    outcomes: Sequence[Outcome]
    seconds: float

    @property
    def passed(self) -> list[Outcome]:
        """The cells in which nothing was wrong."""
        return [each for each in self.outcomes if each.passed]

    @property
    def failed(self) -> list[Outcome]:
        """The cells in which something was wrong."""
        return [each for each in self.outcomes if not each.passed]

    def __str__(self) -> str:
        passed, failed = len(self.passed), len(self.failed)
        return f"{passed + failed:,} cells ran in {self.seconds:.0f} s: {passed:,} passed, {failed:,} failed"


def write(run: Run, folder: Path) -> None:
    """Write report.json and report.html into a folder, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "passed": len(run.passed),
        "failed": len(run.failed),
        "seconds": round(run.seconds, 1),
        "cells": [_as_document(each) for each in run.outcomes],
    }
    (folder / "report.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    (folder / "report.html").write_text(_page(run), encoding="utf-8")


def repeat_command(outcome: Outcome) -> str:
    """The command that repeats a cell."""
    return f"make matrix ARGS=\"--cells '{outcome.cell.id}'\""


def _as_document(outcome: Outcome) -> dict[str, object]:
    cell = outcome.cell
    return {
        "id": cell.id,
        "boundary": cell.boundary,
        "kind": cell.kind,
        "order_id": cell.order_id,
        "passed": outcome.passed,
        "problems": list(outcome.problems),
        "ended": str(outcome.end) if outcome.end else None,
        "allowed": [str(end) for end in cell.expected.ends],
        "policy": cell.policy,
        "faults": [as_document(fault) for fault in outcome.faults],
        "seconds": round(outcome.seconds, 2),
    }


def _page(run: Run) -> str:
    families: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in run.outcomes:
        families[outcome.cell.family].append(outcome)
    tables = "".join(f"<h2>{escape(name)}</h2>{_table(outcomes)}" for name, outcomes in families.items())
    failures = "".join(_failure(outcome) for outcome in run.failed)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>ordersaga: the matrix</title>'
        f"<style>{_STYLE}</style><h1>The matrix</h1><p>{escape(str(run))}. Each number is passed / run.</p>"
        f"{f'<h2>Failed</h2>{failures}' if failures else ''}{tables}</html>\n"
    )


def _table(outcomes: list[Outcome]) -> str:
    places: defaultdict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        places[outcome.cell.kind, outcome.cell.boundary].append(outcome)
    columns = list(dict.fromkeys(boundary for _, boundary in places))
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    rows = "".join(
        f"<tr><th>{escape(kind)}</th>{''.join(_place(places.get((kind, column), [])) for column in columns)}</tr>"
        for kind in dict.fromkeys(kind for kind, _ in places)
    )
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _place(outcomes: list[Outcome]) -> str:
    if not outcomes:
        return "<td></td>"
    passed = sum(outcome.passed for outcome in outcomes)
    return f'<td class="{"good" if passed == len(outcomes) else "bad"}">{passed} / {len(outcomes)}</td>'


def _failure(outcome: Outcome) -> str:
    problems = "".join(f"<li>{escape(problem)}</li>" for problem in outcome.problems)
    faults = escape(json.dumps([as_document(fault) for fault in outcome.faults], indent=1))
    return (
        f"<article><h3>{escape(outcome.cell.id)}</h3><p>Order {escape(outcome.cell.order_id)}</p><ul>{problems}</ul>"
        f"<p>Repeat: <code>{escape(repeat_command(outcome))}</code></p><pre>{faults}</pre></article>"
    )
