"""When the suite is spread over processes, and which tests stay together."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tests import spread

Start = Callable[..., tuple[int | None, str]]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start pytest with these options; returns the number of processes and the distribution mode."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)

    def starting(
        source: pytest.Config.ArgsSource = pytest.Config.ArgsSource.TESTPATHS, **message: object
    ) -> tuple[int | None, str]:
        usual = {"numprocesses": None, "dist": "no", "keyword": "", "lf": False, "usepdb": False}
        option = SimpleNamespace(**usual | message)
        plugins = SimpleNamespace(hasplugin=lambda name: True)
        config = SimpleNamespace(option=option, pluginmanager=plugins, args_source=source)
        spread.pytest_cmdline_main(config)  # type: ignore[arg-type]
        return option.numprocesses, option.dist

    return starting


def test_the_whole_suite_is_spread(start: Start) -> None:
    assert start() == (spread.PROCESSES, "loadscope")


def test_a_selection_is_not(start: Start) -> None:
    assert start(pytest.Config.ArgsSource.ARGS) == (None, "no")
    assert start(keyword="money") == start(lf=True) == start(usepdb=True) == (None, "no")


def test_the_command_line_takes_precedence(start: Start) -> None:
    assert start(numprocesses=0) == (0, "no")
    assert start(pytest.Config.ArgsSource.ARGS, numprocesses=2) == (2, "loadscope")


def test_one_of_the_processes_starts_no_more(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    assert start() == (None, "no")


def test_tests_that_share_a_server_stay_together() -> None:
    assert spread.unit("tests/workflow/test_order.py::a") == spread.unit("tests/workflow/test_seeds.py::b[x::y]")
    assert spread.unit("tests/acceptance/test_cli.py::a") == spread.unit("tests/acceptance/test_stack.py::b")
    assert spread.unit("tests/unit/test_money.py::a") == "tests/unit/test_money.py"
