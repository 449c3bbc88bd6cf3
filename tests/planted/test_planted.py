"""Each planted bug is caught, and without the bug the same orders are found to be correct."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.client import Client

from resilience.logic_flags import single_batch
from tests.planted.bugs import BUGS, Bug
from tests.planted.scenario_run import ScenarioRun, open_run

SECONDS = 40.0
DOCS = Path(__file__).parents[2] / "docs" / "explanation" / "planted-bugs.md"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
async def test_a_planted_bug_is_caught(
    temporal: Client, sound: Mapping[bool, ScenarioRun], tmp_path: Path, bug: Bug
) -> None:
    control = replace(sound[bug.single_batch], name=f"right-{bug.name}", answers=set())
    async with asyncio.timeout(SECONDS):
        await control.run_scenario(bug.scenario)
        assert await control.found() == frozenset(), "the right code is found to be wrong"

        with ExitStack() as planted:
            planted.enter_context(single_batch(bug.single_batch))
            planted.enter_context(bug.plant())
            async with open_run(temporal, tmp_path, f"wrong-{bug.name}", bug.workflow) as run:
                await run.run_scenario(bug.scenario)
                planted.close()  # the checker itself is the correct one
                assert await run.found() == bug.caught_by


def test_there_are_many_and_the_docs_have_each() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 20
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| `")] == [bug.row for bug in BUGS]
