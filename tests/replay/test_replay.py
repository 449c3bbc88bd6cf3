"""Every recorded order replays at every moment of its run, and a change that breaks one is found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from ordersaga.orders.worker import WORKFLOWS, replayer
from ordersaga.orders.workflows.order import OrderSagaWorkflow
from resilience.logic_flags import single_batch
from tests.replay.changed import ByAnotherId, Points, PointsPatched, Shortened, Swapped, Talkative
from tests.replay.histories import is_single_batch, prefixes, read, recorded

OTHERS_STEP = 4
"""For a history of a worker with the other value of the flag, only every n-th moment is replayed, and the last one."""

ADVICE = (
    "Orders in flight would get stuck there once this change is deployed. Do not record the history anew: "
    "docs/how-to/upgrade.md says how to make the change so that it replays."
)


async def breaks(paths: Sequence[Path], *changes: type, whole: bool = False) -> dict[Path, list[str]]:
    """Where histories do not replay, at any moment or as a whole, and why. `changes` replace the order's workflow.

    They are replayed twice, because the next worker of an order may have the SDK's logic flag 2 off or on, whatever the
    last one had. With a different flag, only some of the moments are replayed.
    """
    workflows = [*changes, *(each for each in WORKFLOWS if not (changes and each is OrderSagaWorkflow))]
    broken = defaultdict(list)
    for batched in (False, True):
        with single_batch(batched):
            replays = replayer(workflows)
        async for path, problem in _problems(replays, paths, whole, batched=batched):
            broken[path].append(f"by a worker with the flag {'on' if batched else 'off'}, {problem}")
    return broken


async def _problems(
    replays: Replayer, paths: Sequence[Path], whole: bool, *, batched: bool
) -> AsyncIterator[tuple[Path, str]]:
    path = Path()

    async def histories() -> AsyncIterator[WorkflowHistory]:
        nonlocal path
        for path in paths:
            moments = list(prefixes(read(path)))
            step = 1 if is_single_batch(path) is batched else OTHERS_STEP
            for moment in moments[-1:] if whole else reversed(moments[::-step]):
                yield moment

    async with replays.workflow_replay_iterator(histories()) as results:
        async for result in results:
            if result.replay_failure:
                yield path, _told(result.history, result.replay_failure)


def _told(history: WorkflowHistory, failure: Exception) -> str:
    last = history.events[-1]
    return f"after event {last.event_id} ({EventType.Name(last.event_type)}): {failure}"


def named(name: str) -> list[Path]:
    return [path for path in recorded() if path.stem == name]


@pytest.fixture(scope="module")
async def broken() -> dict[Path, list[str]]:
    """Every history replayed at every moment."""
    return await breaks(recorded())


@pytest.mark.parametrize("path", recorded(), ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_an_order_replays_at_every_moment_of_its_run(path: Path, broken: dict[Path, list[str]]) -> None:
    assert path not in broken, "\n  ".join([f"The order of {path} does not replay. {ADVICE}", *broken[path]])


@pytest.mark.parametrize("change", [Swapped, Shortened, ByAnotherId, Points])
async def test_a_change_that_breaks_orders_in_flight_is_found(change: type) -> None:
    durable = await breaks(named("completed-durable"), change)
    assert list(durable) == named("completed-durable")
    assert all("TMPRL1100" in problem for problems in durable.values() for problem in problems)


@pytest.mark.parametrize("change", [Swapped, Shortened, ByAnotherId])
async def test_among_first_attempts_steps_may_change_places(change: type) -> None:
    """They are recorded by the names of their steps, so a replay finds each one wherever the story requests it."""
    assert await breaks(named("completed"), change) == {}


async def test_among_first_attempts_a_step_more_is_found() -> None:
    assert list(await breaks(named("completed"), Points)) == named("completed")


@pytest.mark.parametrize("change", [PointsPatched, Talkative])
async def test_a_change_that_docs_versioning_allows_breaks_none(change: type) -> None:
    assert await breaks(recorded(), change, whole=True) == {}
