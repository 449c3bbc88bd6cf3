"""Renders templates to HTML. Everything is escaped; an undefined variable is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ordersaga.domain.durations import in_two_units
from ordersaga.domain.worklist import Attention
from ordersaga.web.dashboard import labels, times
from ordersaga.web.dashboard.money import PLAIN, figures

_CODE = re.compile(r"`([^`]+)`")
_TIME = re.compile(r"(<time[^>]*data-(?:age|due)[^>]*>)[^<]*")


def order_url(order_id: str) -> str:
    """The URL of an order's page."""
    return f"/orders/{quote(order_id, safe='')}"


def url(path: str, query: Mapping[str, str | None]) -> str:
    """A URL with the query parameters that are not empty."""
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 attempt, 2 attempts."""
    return f"{grouped(number)} {noun}{'' if number == 1 else 's'}"


def grouped(number: int) -> str:
    """A whole number with thousands separators."""
    return format_decimal(number, locale=PLAIN)


def sentence(text: str) -> str:
    """A message that starts with a capital letter."""
    return text[:1].upper() + text[1:]


def marked(text: str) -> Markup:
    """A message, escaped, with text in backquotes marked up as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704


_FILTERS = {
    "marked": marked,
    "sentence": sentence,
    "age": times.age,
    "due": times.due,
    "span": in_two_units,
    "stamp": times.stamp,
    "clock": times.clock,
    "minute": times.minute,
    "time": times.moment,
    "label": labels.label,
    "decision_label": labels.decision_label,
    "tone": labels.tone,
    "camel_label": labels.camel_label,
    "attention_text": lambda value: labels.ATTENTION[Attention(value)],
    "figures": figures,
    "grouped": grouped,
    "counted": counted,
    "order_url": order_url,
    "orders_url": lambda query: url("/", query),
}


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ordersaga.web.dashboard"),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    return environment


TEMPLATES = _environment()


def render(template: str, context: Mapping[str, Any]) -> str:
    """Render a template."""
    return TEMPLATES.get_template(template).render(context)


def without_ages(html: str) -> str:
    """The HTML without the ages, which change with the clock only."""
    return _TIME.sub(r"\1", html)
