"""`--help`: nothing is cut on a narrow terminal, commands are grouped, and each has a working example."""

from __future__ import annotations

import re
import shlex

import pytest
import typer
from typer.testing import CliRunner

from ordersaga.cli.app import OPERATE, ORDERS, RUN, SET_UP, app
from ordersaga.cli.entry import run
from ordersaga.cli.exit_codes import Exit

GROUP = typer.main.get_command(app)
CONTEXT = GROUP.make_context("ordersaga", ["doctor"])
COMMANDS = {name: command for name in GROUP.list_commands(CONTEXT) if (command := GROUP.get_command(CONTEXT, name))}  # type: ignore[attr-defined]


def help_of(*command: str, columns: int = 80) -> str:
    done = CliRunner(env={"COLUMNS": str(columns)}).invoke(app, [*command, "--help"])
    assert done.exit_code == 0, done.output
    return done.stdout


def expected_text(text: str) -> str:
    """The text without frames and line breaks."""
    return " ".join(re.sub(r"[│╭╮╰╯─•`]", " ", text).split())


def examples_of(command: str) -> list[str]:
    _, _, code = (COMMANDS[command].epilog or "").partition("```\n")
    return code.removesuffix("\n```").splitlines()


@pytest.mark.parametrize("columns", [80, 120])
def test_each_command_is_summed_up_in_full(columns: int) -> None:
    shown = help_of(columns=columns)
    assert "…" not in shown
    assert "..." not in shown.replace("[ARGS]...", "")
    assert max(map(len, shown.splitlines())) <= columns
    for name, command in COMMANDS.items():
        summary = (command.help or "").partition("\n\n")[0]
        assert f"{name} {expected_text(summary)}" in expected_text(shown)


def test_commands_stand_in_groups() -> None:
    shown = help_of()
    titles = [shown.index(f"─ {title} ─") for title in (RUN, ORDERS, OPERATE, SET_UP)]
    assert titles == sorted(titles)
    assert "─ Commands ─" not in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_its_own_help_is_uncut_and_ends_with_an_example(command: str) -> None:
    shown = help_of(command)
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    examples = examples_of(command)
    assert examples
    for example in examples:
        assert f" {example} " in shown


@pytest.mark.parametrize(("command", "example"), [(name, each) for name in COMMANDS for each in examples_of(name)])
def test_the_examples_are_ones_that_the_command_takes(command: str, example: str) -> None:
    calls = [part for part in re.split(r" \| ", example) if "ordersaga " in part]
    assert any(f"ordersaga {command}" in call for call in calls)
    for call in calls:
        _, _, arguments = call.partition("ordersaga ")
        name, *rest = shlex.split(arguments)
        COMMANDS[name].make_context(name, rest, parent=CONTEXT)


def test_without_a_command_it_helps_and_that_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == Exit.WRONG_INPUT
    shown = capsys.readouterr()
    assert "Usage: ordersaga" in shown.out
    assert shown.err == ""
