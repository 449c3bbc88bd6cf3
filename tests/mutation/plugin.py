"""A pytest plugin for runs with a mutant: only the tests of a plan, in its order, each with its own time limit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

PLAN = "MUTATION_PLAN"
"""The environment variable with the plan: a JSON object of time limits in seconds, by the tests' ids."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep only the tests in the plan."""
    plan: dict[str, float] = json.loads(Path(os.environ[PLAN]).read_text(encoding="utf-8"))
    places = {nodeid: place for place, nodeid in enumerate(plan)}
    items[:] = sorted((each for each in items if each.nodeid in plan), key=lambda each: places[each.nodeid])
    for each in items:
        each.add_marker(pytest.mark.timeout(plan[each.nodeid]))
