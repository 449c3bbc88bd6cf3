"""Renders a result as one self-contained HTML page. `python -m bench.page RESULT.json` prints it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from bench.charts import Bar, chart, legend
from bench.figures import FIGURES, parts_of
from bench.stats import Spread
from bench.tables import Table, circumstances, problems_of, tables

COLOURS = 8
_TEMPLATE = Path(__file__).with_name("page.html")


def page(result: Mapping[str, Any]) -> str:
    """The page."""
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        circumstances="".join(f"<dt>{escape(name)}</dt><dd>{_code(text)}</dd>" for name, text in circumstances(result)),
        problems=_problems(problems_of(result)),
        charts="".join(_charts(result)),
        tables="".join(map(_table, tables(result))),
        settings=_settings(result["engines"]),
    )


def _charts(result: Mapping[str, Any]) -> Iterable[str]:
    shown = {name: engine for name, engine in result["engines"].items() if engine["summary"]}
    if not shown:
        return
    yield _figure("Orders a second at saturation", "Longer is better.", _bars(shown, "orders_per_s"))
    yield _stacked("CPU per order, milliseconds", "Shorter is better. By program, at saturation.", shown, "cpu_ms")
    for load, title in (("idle", "Latency when idle, milliseconds"), ("half", "Latency at half load, milliseconds")):
        bars = [_latency(engine, load) for engine in shown.values() if f"{load}_p99_ms" in engine["summary"]]
        keys = legend({"c1": "p50", "c1 faint": "p99"})
        yield _figure(title, "Shorter is better.", keys + chart(title, bars))
    yield _stacked("Peak memory, megabytes", "Shorter is better. By program, at saturation.", shown, "memory_mb")


def _bars(engines: Mapping[str, Any], name: str) -> str:
    found = {engine["title"]: (engine["summary"].get(name), engine["limit"]) for engine in engines.values()}
    bars = [
        Bar(title, [("limit" if limit else "c1", spread["median"])], FIGURES[name].cell(spread), spread)
        for title, (spread, limit) in found.items()
        if spread
    ]
    return chart(FIGURES[name].title, bars)


def _latency(engine: Mapping[str, Any], load: str) -> Bar:
    p50, p99 = (engine["summary"][f"{load}_p{percent}_ms"]["median"] for percent in (50, 99))
    pieces = [("c1", p50), ("c1 faint", max(0.0, p99 - p50))]
    return Bar(engine["title"], pieces, f"{p50:,.0f} / {p99:,.0f}")


def _stacked(title: str, note: str, engines: Mapping[str, Any], whole: str) -> str:
    parts = parts_of([name for engine in engines.values() for name in engine["summary"]], whole)
    colours = {part: f"c{index % COLOURS + 1}" for index, part in enumerate(parts)}
    bars = []
    for engine in engines.values():
        summary: Mapping[str, Spread] = engine["summary"]
        if whole not in summary:
            continue
        pieces = [
            (css, summary[f"{whole}.{part}"]["median"]) for part, css in colours.items() if f"{whole}.{part}" in summary
        ]
        bars.append(
            Bar(engine["title"], pieces, f"{summary[whole]['median']:,.{FIGURES[whole].digits}f}", summary[whole])
        )
    return _figure(title, note, legend({css: part for part, css in colours.items()}) + chart(title, bars))


def _figure(title: str, note: str, drawing: str) -> str:
    if "<rect" not in drawing:
        return ""
    return f"<figure><figcaption><b>{escape(title)}</b> {escape(note)}</figcaption>{drawing}</figure>"


def _table(table: Table) -> str:
    header = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    heading = f"<h2>{escape(table.title)}</h2><p>{_code(table.note)}</p>"
    return f'{heading}<div class="wide"><table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cell(text: str) -> str:
    figure, _, spread = text.partition(" (")
    if spread and figure.replace(",", "").replace(".", "").isdigit():
        return f'<td class="number">{figure}<small>{escape(f"({spread}")}</small></td>'
    return f'<td class="{"number" if text[:1].isdigit() else "words"}">{_code(text)}</td>'


def _problems(problems: list[str]) -> str:
    if not problems:
        return ""
    items = "".join(f"<li>{escape(problem)}</li>" for problem in problems)
    return f'<section class="problems"><h2>Problems and omissions</h2><ul>{items}</ul></section>'


def _settings(engines: Mapping[str, Any]) -> str:
    found = []
    for engine in engines.values():
        lines = [
            " ".join(
                [f"{setting['role']}:", *(f"{k}={v}" for k, v in setting["environment"].items()), setting["command"]]
            )
            for setting in engine["settings"]
        ]
        if lines:
            text = escape("\n".join(lines))
            found.append(f"<details><summary>{escape(engine['title'])}</summary><pre>{text}</pre></details>")
    return "".join(found)


def _code(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))


if __name__ == "__main__":
    sys.stdout.write(page(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
