"""The reference pages name all that the code has, and the troubleshooting page quotes the code's messages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from ordersaga.cli.app import app
from tests.acceptance.harness import ROOT

CLI = (ROOT / "docs/reference/cli.md").read_text()
API = (ROOT / "docs/reference/api.md").read_text()
TROUBLE = (ROOT / "docs/how-to/troubleshoot.md").read_text()
EVERYWHERE = {"--json", "--help", "--version"}
"""Options that the page explains once for all commands, or that explain themselves."""


def options() -> list[tuple[str, str]]:
    command = get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    return [
        (name, option)
        for name, each in command.commands.items()
        for parameter in each.params
        for option in parameter.opts
        if option.startswith("--") and option not in EVERYWHERE
    ]


@pytest.mark.parametrize(("command", "option"), options())
def test_every_option_is_documented(command: str, option: str) -> None:
    section = re.search(rf"^### `ordersaga {command}`\n(.*?)(?=^###? |\Z)", CLI, re.MULTILINE | re.DOTALL)
    assert section
    assert re.search(rf"{option}\b", section[1]), f"`ordersaga {command} {option}` is not on the page"


def test_every_address_of_the_api_is_documented() -> None:
    from ordersaga.settings import load_settings
    from ordersaga.web.app import create_app

    paths = {re.sub(r"\{\w+\}", "{id}", path) for path in create_app(load_settings()).openapi()["paths"]}
    assert {path for path in paths if path not in API} == set()


def messages() -> list[str]:
    """All text in the code, so that a message can be found that is put together from several strings."""
    sources = [*sorted((ROOT / "src").rglob("*.py")), Path(ROOT / "Makefile")]
    return [text for source in sources for text in _texts(source)]


def _texts(source: Path) -> list[str]:
    if source.suffix != ".py":
        return [source.read_text()]
    return [
        str(node.value)
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_the_messages_of_troubleshooting_are_in_the_code() -> None:
    seen = re.findall(r"^\| ([^|]+) \|", TROUBLE, re.MULTILINE)
    quoted = [text for cell in seen for text in re.findall(r"`([^`]+ [^`]+)`", cell) if text[:1].isalpha()]
    known = messages()
    pieces = [
        piece.strip() for text in quoted if "PyGILState" not in text for piece in text.split("…") if piece.strip(" .")
    ]
    assert len(pieces) > 8
    assert [piece for piece in pieces if not any(piece in text for text in known)] == []
