"""Renders the tables of a result. `python -m bench.tables RESULT.json` prints them as Markdown."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import FIGURES, RATIO_DIGITS, format_spread, parts_of
from bench.stats import Spread

MAIN = ("orders_per_s", "cpu_ms", "idle_p50_ms", "idle_p99_ms", "half_p50_ms", "half_p99_ms", "memory_mb", "others_pct")
COMPARED = ("orders_per_s", "cpu_ms", "idle_p50_ms", "half_p50_ms", "memory_mb")
KEPT = ("events", "history_bytes", "actions")


@dataclass(frozen=True)
class Table:
    """A table, with the note that explains it."""

    title: str
    note: str
    header: list[str]
    rows: list[list[str]]


def tables(result: Mapping[str, Any]) -> list[Table]:
    """All tables of a result."""
    engines = result["engines"]
    shown = {name: engine for name, engine in engines.items() if engine["summary"]}
    rendered = [_main(result, shown)]
    rendered += [_ratios(base, engines[base]["title"], shown) for base in result["bases"] if base in shown]
    rendered += [
        _by_part("cpu_ms", "CPU by program", "Milliseconds of CPU per order at saturation, by role.", shown, 1),
        _by_part("memory_mb", "Memory by program", "Peak megabytes at saturation, by role.", shown, 0),
        _temporal(shown),
        _engines(engines),
    ]
    return [table for table in rendered if table.rows]


def markdown(result: Mapping[str, Any]) -> str:
    """The tables, with machine, versions, command and date."""
    blocks = [" \n".join(f"{name}: {value}" for name, value in circumstances(result))]
    for table in tables(result):
        lines = [_row(table.header), _row("---" for _ in table.header), *map(_row, table.rows)]
        blocks.append(f"### {table.title}\n\n{table.note}\n\n" + "\n".join(lines))
    if problems := problems_of(result):
        blocks.append("### Problems\n\n" + "\n".join(f"- {problem}" for problem in problems))
    return "\n\n".join(blocks) + "\n"


def circumstances(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The time, place and method of the measurement."""
    machine, sizes = result["machine"], result["sizes"]
    yield "Date", result["date"]
    yield "Commit", result["commit"]
    yield "Command", f"`{result['command']}`"
    yield "Machine", f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['os']}"
    yield "Versions", ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    load = (
        f"Rounds: {result['rounds']}; in each, every engine: {sizes['warm_up']} orders to warm up, {sizes['idle']} one "
        f"after the other, {sizes['saturation']} with {sizes['in_flight']} in flight, then {sizes['half_seconds']:g} s "
        "at half of its own rate"
    )
    yield "Load", load


def problems_of(result: Mapping[str, Any]) -> list[str]:
    """The problems and the omissions."""
    left_out = [f"{name} was left out: {why}" for name, why in result["left_out"].items()]
    return left_out + [
        f"{run_['engine']}, round {run_['round'] + 1}: {problem}"
        for run_ in result["runs"]
        for problem in run_["problems"]
    ]


def _main(result: Mapping[str, Any], engines: Mapping[str, Any]) -> Table:
    note = (
        f"The median of all rounds ({result['rounds']}; minimum to maximum). "
        "CPU per order is more stable if other programs use the machine."
    )
    rows = [
        [engine["title"], *(FIGURES[name].cell(engine["summary"].get(name)) for name in MAIN)]
        for engine in engines.values()
    ]
    return Table("Side by side", note, ["engine", *(FIGURES[name].title for name in MAIN)], rows)


def _ratios(base: str, title: str, engines: Mapping[str, Any]) -> Table:
    rows = [
        [engine["title"], *(_ratio(engine["ratios"].get(base, {}).get(name)) for name in COMPARED)]
        for name, engine in engines.items()
        if name != base
    ]
    note = "Each figure divided by that of the same round; the median of these ratios (minimum to maximum)."
    return Table(f"Compared with: {title}", note, ["engine", *(FIGURES[name].title for name in COMPARED)], rows)


def _by_part(name: str, title: str, note: str, engines: Mapping[str, Any], digits: int) -> Table:
    parts = parts_of([key for engine in engines.values() for key in engine["summary"]], name)
    rows = []
    for engine in engines.values():
        cells = [engine["summary"].get(f"{name}.{part}") for part in parts]
        rows.append([engine["title"], *(format_spread(cell, digits) if cell else "" for cell in cells)])
    return Table(title, note, ["engine", *parts], rows)


def _temporal(engines: Mapping[str, Any]) -> Table:
    note = (
        "Per order, of all its workflows. Billable actions are those that the server counts in its metric `action`, "
        "which follows Temporal Cloud's rules but is not its bill; the watcher's own runs are among them."
    )
    rows = []
    for engine in engines.values():
        summary = engine["summary"]
        if "events" in summary or "actions" in summary:
            types = [f"{kind} {_median(summary, f'actions.{kind}'):.2f}" for kind in parts_of(list(summary), "actions")]
            cells = [FIGURES[name].cell(summary.get(name)) for name in KEPT]
            rows.append([engine["title"], *cells, ", ".join(types)])
    return Table(
        "What Temporal keeps and counts", note, ["engine", *(FIGURES[n].title for n in KEPT), "of these"], rows
    )


def _engines(engines: Mapping[str, Any]) -> Table:
    rows = [[engine["title"], f"`{name}`", engine["version"], engine["promises"]] for name, engine in engines.items()]
    note = "Speed is not everything: this is what each engine guarantees to an order."
    return Table("The engines", note, ["engine", "name", "versions", "what it guarantees"], rows)


def _median(summary: Mapping[str, Spread], name: str) -> float:
    return summary[name]["median"]


def _ratio(spread: Spread | None) -> str:
    return "" if spread is None else f"{format_spread(spread, RATIO_DIGITS)}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


if __name__ == "__main__":
    sys.stdout.write(markdown(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
