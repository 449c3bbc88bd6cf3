"""A pytest plugin that records how long each passed test took."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

_seconds: dict[str, float] = {}
_failed: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up the duration."""
    if report.failed:
        _failed.add(report.nodeid)
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish() -> None:
    """Write the durations."""
    passed = {name: seconds for name, seconds in _seconds.items() if name not in _failed}
    Path(os.environ["MUTATION_TIMES"]).write_text(json.dumps(passed), encoding="utf-8")
