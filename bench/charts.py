"""Draws charts as SVG: bars with the spread of the rounds, and stacked bars. The page defines their colors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from bench.stats import Spread

WIDTH = 860
LABEL = 260
VALUE = 180
ROW = 30
BAR = 16


@dataclass(frozen=True)
class Bar:
    """One row: a label, and its bars from left to right, each with the class of its color and its length."""

    label: str
    pieces: Sequence[tuple[str, float]]
    value: str
    spread: Spread | None = None


def chart(title: str, bars: Sequence[Bar]) -> str:
    """Draw horizontal bars on one scale that begins at zero."""
    longest = max(
        [sum(length for _, length in bar.pieces) for bar in bars] + [b.spread["max"] for b in bars if b.spread] + [0.0]
    )
    scale = (WIDTH - LABEL - VALUE) / (longest or 1.0)
    height = ROW * len(bars)
    rows = "".join(_row(bar, ROW * index, scale) for index, bar in enumerate(bars))
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">{rows}</svg>'


def legend(parts: Mapping[str, str]) -> str:
    """The legend: the names by the class of their color."""
    keys = (f'<span class="key"><i class="{css}"></i>{escape(name)}</span>' for css, name in parts.items())
    return f'<p class="legend">{"".join(keys)}</p>'


def _row(bar: Bar, top: float, scale: float) -> str:
    middle = top + ROW / 2
    drawn = [_text(LABEL - 10, middle, bar.label, "label")]
    left = float(LABEL)
    for css, length in bar.pieces:
        width = length * scale
        drawn.append(f'<rect class="{css}" x="{left:.1f}" y="{middle - BAR / 2}" width="{width:.1f}" height="{BAR}"/>')
        left += width
    if bar.spread and bar.spread["rounds"] > 1:
        low, high = (LABEL + bar.spread["min"] * scale, LABEL + bar.spread["max"] * scale)
        ends = "".join(f"M{x:.1f} {middle - 5}V{middle + 5}" for x in (low, high))
        drawn.append(f'<path class="spread" d="M{low:.1f} {middle}H{high:.1f}{ends}"/>')
        left = max(left, high)
    drawn.append(_text(left + 8, middle, bar.value, "value"))
    return "".join(drawn)


def _text(x: float, y: float, text: str, css: str) -> str:
    return f'<text class="{css}" x="{x:.1f}" y="{y}">{escape(text)}</text>'
