"""A step whose activity was ended early or returned something unreadable: how the story is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import activity, workflow

from ordersaga.saga import Policy, Saga, SagaContext, Step, UndoOutcome, UndoRequest, UndoResult, story_run
from ordersaga.saga.activity_calls import Unreadable
from ordersaga.saga.exits import Fault, Interrupted, Unwind
from ordersaga.saga.run_state import RunState
from ordersaga.saga.story_guard import records_of
from ordersaga.saga.story_run import StoryRun


@activity.defn
async def do(request: str) -> str:
    return "done"


@activity.defn
async def undo(request: UndoRequest) -> UndoResult:
    return UndoResult(UndoOutcome.UNDONE)


STEP = Step("a", lambda subject, effect_id: effect_id, do, undo)


async def story(subject: str, saga: SagaContext[str]) -> None:
    await saga.do(STEP)


SAGA = Saga("s", story, STEP)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> RunState[str]:
    monkeypatch.setattr(workflow, "now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    monkeypatch.setattr(story_run, "start_do", lambda *args, **options: None)
    policy = Policy(fast_path=timedelta(0))
    return RunState(SAGA, "subject", "1", policy, records_of(SAGA, "subject", "1"), lambda event: None)


def answering(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def answer_of(*args: Any) -> None:
        raise error

    monkeypatch.setattr(story_run, "answer_of", answer_of)


@pytest.mark.parametrize("error", [Interrupted("it was ended early"), Unreadable("it is no str")])
async def test_its_effect_is_unknown(monkeypatch: pytest.MonkeyPatch, run: RunState[str], error: Exception) -> None:
    answering(monkeypatch, error)

    with pytest.raises(Fault, match=str(error)):
        await StoryRun(run)._durably(STEP, run.log.records["a"], "asked")


@pytest.mark.parametrize("error", [Interrupted("it was ended early"), Unreadable("it is no str")])
async def test_a_cancel_is_the_reason_if_there_was_one(
    monkeypatch: pytest.MonkeyPatch, run: RunState[str], error: Exception
) -> None:
    answering(monkeypatch, error)
    run.cancel("no more")

    with pytest.raises(Unwind, match="cancelled: no more") as left:
        await StoryRun(run)._durably(STEP, run.log.records["a"], "asked")
    assert left.value.wanted
