"""How pytest-xdist spreads the whole suite over processes. A selection by path or by -k runs in one."""

from __future__ import annotations

import os
import sys
from typing import Any
from zlib import crc32

import pytest

PROCESSES = 5
"""Tests wait for servers most of the time, so more than two fit on a core."""

TOGETHER = (
    ("tests/browser/",),
    ("tests/api/",),
    ("tests/acceptance/test_cli", "tests/acceptance/test_stack.py", "tests/acceptance/test_retail_orders.py"),
    ("tests/workflow/",),
    ("tests/services/",),
    ("tests/docs/",),
    ("tests/replay/test_replay.py",),
    ("tests/sagas/",),
    ("tests/planted/",),
    ("tests/matrix/test_matrix.py",),
    ("tests/recovery/test_doctor.py",),
    ("tests/versions/",),
    ("tests/acceptance/test_crash.py",),
    ("tests/recovery/test_watcher.py",),
    ("tests/acceptance/test_chaos.py", "tests/acceptance/test_demo.py"),
)
"""Tests that share a server stay in one process. The longest come first, so that no process runs alone at the end."""

FLAG = "flag-2-on"
"""tests/workflow runs with both values of the SDK's workflow logic flag; each has its own server anyway."""


IN_PARTS, PARTS = "tests/workflow/", 3
"""Tests that share a server and take so long that several processes run parts of them, each with its own server."""


def unit(nodeid: str) -> str:
    """The unit of a test: the tests that share its server and flags, or those of its file."""
    file = nodeid.partition("::")[0]
    shared = next((paths[0] for paths in TOGETHER if file.startswith(paths)), file)
    part = str(crc32(file.encode()) % PARTS) if shared == IN_PARTS else ""
    return " ".join(filter(None, (shared, part, FLAG if FLAG in nodeid else "")))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Use several processes for the whole suite, unless the command line specifies the number."""
    option = config.option
    if not config.pluginmanager.hasplugin("xdist") or "PYTEST_XDIST_WORKER" in os.environ:
        return  # a worker process must not start more of them
    by_path = config.args_source is pytest.Config.ArgsSource.ARGS
    if option.numprocesses is None and not (by_path or option.keyword or option.usepdb or getattr(option, "lf", False)):
        option.numprocesses = PROCESSES
    if option.numprocesses and option.dist == "no":
        option.dist = "loadscope"
        option.loadscopereorder = False


def pytest_configure(config: pytest.Config) -> None:
    """If Python may not write bytecode next to its source, let the many programs that we start share it elsewhere."""
    if sys.dont_write_bytecode and config.pluginmanager.hasplugin("cacheprovider"):
        assert config.cache
        os.environ["PYTHONPYCACHEPREFIX"] = str(config.cache.mkdir("bytecode"))
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first."""
    places = {paths[0]: place for place, paths in enumerate(TOGETHER)}
    items.sort(key=lambda item: places.get(unit(item.nodeid).partition(" ")[0], len(places)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out whole units."""
    if config.option.dist != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = unit
    return scheduler
