"""A pytest plugin: writes down how long each test took that passed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

_seconds: dict[str, float] = {}
_failed: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add it up."""
    if report.failed:
        _failed.add(report.nodeid)
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish() -> None:
    """Write it down."""
    passed = {name: seconds for name, seconds in _seconds.items() if name not in _failed}
    Path(os.environ["MUTATION_TIMES"]).write_text(json.dumps(passed), encoding="utf-8")
