"""The page with the results of the bench."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from bench.page import page
from bench.stats import spread
from bench.tables import markdown

NASTY = "</script><b>&|"


def engine(title: str, **figures: float) -> dict[str, Any]:
    return {
        "title": title,
        "version": "1.0",
        "promises": "None.",
        "limit": False,
        "settings": [{"role": "worker", "command": "run <it>", "environment": {"A": "1 & 2"}}],
        "summary": {name.replace("__", "."): spread([value, 2 * value]) for name, value in figures.items()},
        "ratios": {"naive": {"cpu_ms": spread([0.2])}},
    }


@pytest.fixture
def result() -> dict[str, Any]:
    figures = {"orders_per_s": 20.0, "cpu_ms": 60.0, "cpu_ms__worker": 40.0, "cpu_ms__temporal": 20.0}
    latencies = {"idle_p50_ms": 50.0, "idle_p99_ms": 70.0, "events": 9.0, "actions": 2.0, "actions__start": 1.0}
    return {
        "date": "2026-11-21 12:00 UTC",
        "commit": "abc",
        "command": "python -m bench",
        "machine": {"cpu": NASTY, "cores": 2, "memory_gb": 25, "os": "Linux"},
        "versions": {"Python": "3.11"},
        "sizes": {"warm_up": 1, "idle": 1, "saturation": 1, "in_flight": 1, "half_seconds": 1.0},
        "rounds": 2,
        "bases": ["naive", "empty"],
        "left_out": {"restate": "ImportError: <nothing> there"},
        "engines": {
            "ours": engine(NASTY, **figures, **latencies),
            "naive": engine("a naive saga on Temporal", cpu_ms=300.0),
            "broken": engine("Broken"),
        },
        "runs": [{"engine": "ours", "round": 1, "problems": ["a <worker> died"]}],
    }


class Tags(HTMLParser):
    """Checks that every tag that is opened is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "rect", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "path"):
            assert self.open.pop() == tag


def test_the_page_is_whole_and_what_it_is_given_does_not_become_html(result: dict[str, Any]) -> None:
    text = page(result)
    tags = Tags(text)
    assert tags.open == []
    assert {"svg", "table", "details"} <= set(tags.seen)
    assert NASTY not in text
    assert "<worker>" not in text
    assert "run &lt;it&gt;" in text


def test_the_page_needs_nothing_from_elsewhere(result: dict[str, Any]) -> None:
    assert not re.search(r"(src|href)=|url\(|@import|//", page(result))


def test_the_page_shows_the_problems(result: dict[str, Any]) -> None:
    text = page(result)
    assert "ours, round 2: a &lt;worker&gt; died" in text
    assert "restate was left out" in text
    assert "Problems and omissions" not in page(result | {"left_out": {}, "runs": []})


def test_a_page_of_nothing(result: dict[str, Any]) -> None:
    Tags(page(result | {"engines": {}}))


def test_the_tables_as_markdown(result: dict[str, Any]) -> None:
    text = markdown(result)
    assert "| a naive saga on Temporal |  | 450.0 (300.0 to 600.0) |" in text
    assert "### Compared with: a naive saga on Temporal" in text
    assert "Compared with: Broken" not in text
    tables = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    widths = [{line.count("|") for line in table.splitlines()} for table in tables]
    assert len(tables) >= 4
    assert all(len(width) == 1 for width in widths), "a cell with a bar in it breaks its row"
