"""How Sphinx builds the site from these pages: `make docs`.

The pages are plain Markdown, which a code host shows as it is. What only the site needs is made here: the navigation,
from the links of the index pages; plain text for links to files outside docs/, which the site does not have; and the
Python API, from the docstrings.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parent
PYTHON = "reference/python"
PUBLIC = ("ordersaga", "ordersaga.saga")
"""The modules whose `__all__` is the Python API."""
INDEXES = ("index", "decisions/index")
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")

project = "ordersaga"
author = copyright = "The ordersaga authors"  # noqa: A001  Sphinx asks for this name
version = release = version_of("ordersaga")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
autodoc_member_order = "bysource"
myst_heading_anchors = 4
exclude_patterns = ["conf.py"]
suppress_warnings = ["misc.highlighting_failure"]  # a block may abridge its JSON with an ellipsis

html_theme = "furo"
html_title = f"ordersaga {release}"
html_show_sourcelink = False
html_copy_source = False


def setup(app: Sphinx) -> None:
    """Have pages prepared as they are read."""
    app.connect("source-read", _prepare)


def _prepare(_app: Sphinx, docname: str, source: list[str]) -> None:
    page = (DOCS / docname).with_suffix(".md")
    source[0] = LINK.sub(lambda link: _without_outside(link, page.parent), source[0])
    if docname in INDEXES:
        source[0] += "".join(_toctree(caption, text) for caption, text in _sections(source[0]))
    if docname == PYTHON:
        source[0] += "".join(map(_names, PUBLIC))


def _names(module: str) -> str:
    """A section with the documentation of a module's public names."""
    exported = import_module(module)
    documented = "\n\n".join(_documented(module, name, getattr(exported, name)) for name in sorted(exported.__all__))
    return f"\n\n## {module}\n\n```{{eval-rst}}\n{documented}\n```\n"


def _documented(module: str, name: str, value: object) -> str:
    if inspect.isclass(value):
        return f".. autoclass:: {module}.{name}\n   :members:\n   :show-inheritance:"
    return f".. {'autofunction' if inspect.isroutine(value) else 'autodata'}:: {module}.{name}"


def _without_outside(link: re.Match[str], folder: Path) -> str:
    """A link as the site has it: to a file outside docs/ it becomes that file's path from the root."""
    target = link[2].partition("#")[0]
    if not target or re.match(r"[a-z]+:", target):
        return link[0]
    path = (folder / target).resolve()
    if path.is_relative_to(DOCS):
        return link[0]
    name = str(path.relative_to(DOCS.parent))
    return link[1] if name in link[1] else f"{link[1]} (`{name}`)"


def _sections(text: str) -> list[tuple[str, str]]:
    """Each heading of the second level with the text below it; a page without one is one section without a heading."""
    _, *parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return list(zip(parts[::2], parts[1::2], strict=True)) or [("", text)]


def _toctree(caption: str, text: str) -> str:
    pages = dict.fromkeys(target.removesuffix(".md") for _, target in LINK.findall(text) if target.endswith(".md"))
    inside = "\n".join(page for page in pages if not page.startswith(".."))
    options = f":caption: {caption}\n:hidden:" if caption else ":hidden:"
    return f"\n\n```{{toctree}}\n{options}\n\n{inside}\n```\n" if inside else ""
