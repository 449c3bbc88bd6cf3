"""A run before it begins, and what it refuses to run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio import workflow

from ordersaga.saga import (
    Choice,
    Decided,
    Decision,
    Kind,
    Outcome,
    Phase,
    Policy,
    Saga,
    SagaEnding,
    SagaEvent,
    SagaRun,
    Step,
    StoryError,
    Verdict,
)
from ordersaga.saga.run_state import RunState
from ordersaga.saga.story_guard import records_of
from ordersaga.saga.story_run import StoryRun
from tests.unit.parts import do, request, story, undo

NOW = datetime(2026, 1, 1, tzinfo=UTC)


CHECK = Step[str, str]("check", request, do, kind=Kind.CHECK)
A, B = Step[str, str]("a", request, do, undo), Step[str, str]("b", request, do, undo)
PIVOT = Step[str, str]("ship", request, do, undo, kind=Kind.PIVOT)
TWICE = Step[str, str]("parcel", request, do, undo, keys=lambda subject: ["1", "1"])


@pytest.fixture(autouse=True)
def in_a_workflow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The tests run in this workflow."""

    def run_in(*failure_types: type[BaseException]) -> None:
        definition = SimpleNamespace(failure_exception_types=failure_types)
        running = type("Running", (), {"__temporal_workflow_definition": definition})
        monkeypatch.setattr(workflow, "instance", running)

    monkeypatch.setattr(workflow, "now", lambda: NOW)
    run_in()
    return run_in


def test_nothing_is_decided_in_the_beginning() -> None:
    run = SagaRun(Saga("s", story, A, PIVOT), "subject", "1")

    assert (run.phase, run.verdict, run.outcome, run.cancel_reason) == (Phase.FORWARD, None, None, None)
    assert (run.error, run.refusal, run.cancelled_natively, run.needs_attention) == (None, None, False, False)
    assert (list(run.records), run.events, run.decided) == (["a", "ship"], [], [])
    assert run.answer(A) is None
    assert run._state.policy == Policy()


@pytest.mark.parametrize(("steps", "pivot"), [([A, PIVOT], "ship"), ([A], "the pivot")])
def test_whose_undo_decides_is_named(steps: Sequence[Step[str, str]], pivot: str) -> None:
    run = SagaRun(Saga("s", story, *steps), "subject", "1")
    assert run.decisions._pivot == pivot


@pytest.mark.parametrize("types", [(Exception,), (StoryError,), (ValueError, RuntimeError)])
async def test_a_workflow_that_a_bug_would_fail_runs_no_saga(
    in_a_workflow: Callable[..., None], types: tuple[type[BaseException], ...]
) -> None:
    in_a_workflow(*types)
    names = ", ".join(each.__name__ for each in types)

    with pytest.raises(StoryError, match=rf"failure_exception_types=\[{names}\] would end the run by a bug"):
        await SagaRun(Saga("s", story, A), "subject", "1").run()


async def test_instances_that_share_an_id_fail_the_task_and_not_the_workflows_making(
    in_a_workflow: Callable[..., None],
) -> None:
    in_a_workflow(ValueError)
    run = SagaRun(Saga("s", story, TWICE), "subject", "1")

    with pytest.raises(StoryError, match="s: duplicate key of parcel: 1"):
        await run.run()
    assert run.events == []


def test_steps_are_numbered_as_they_are_begun() -> None:
    state: RunState[str] = RunState(Saga("s", story, A, B), "subject", "1", Policy(), [], lambda event: None)

    assert [state.next_place(), state.next_place()] == [1, 2]


def test_a_saga_that_stands_wants_out_no_more() -> None:
    received: list[SagaEvent] = []
    state: RunState[str] = RunState(Saga("s", story, A), "subject", "1", Policy(), [], received.append)
    assert not state.must_cancel
    state.cancel("")
    assert state.must_cancel
    state.committed = True
    assert not state.must_cancel
    state.cancel("another")
    assert (state.cancel_reason, len(received)) == ("", 1)


@pytest.mark.parametrize("reason", [None, "no more"])
@pytest.mark.parametrize("verdict", Verdict)
def test_an_end_has_all_that_is_known_of_the_run(reason: str | None, verdict: Verdict) -> None:
    saga = Saga("s", story, A, PIVOT)
    state: RunState[str] = RunState(
        saga, "subject", "1", Policy(), records_of(saga, "subject", "1"), lambda event: None
    )
    if reason is not None:
        state.cancel(reason)
    state.error, state.refusal, state.answers = "sold out", "SoldOut", {"a": 17}
    state.log.decided.append(Decided(Decision("a", Choice.WRITE_OFF, "Ada", "17"), NOW))

    assert state.ending(verdict) == SagaEnding(
        key="1",
        verdict=verdict,
        cancelled=verdict is Verdict.UNDONE and reason is not None,
        error="sold out",
        refusal="SoldOut",
        cancel_reason=reason,
        steps=[state.log.records["a"], state.log.records["ship"]],
        answers={"a": 17},
        events=state.log.events,
        decided=state.log.decided,
    )


def test_an_end_from_elsewhere_is_returned_unchanged() -> None:
    run = SagaRun(Saga("s", story, A), "subject", "1")
    ending = run.ending(Outcome(Verdict.UNDONE, True, "sold out", "SoldOut"))
    assert (ending.verdict, ending.cancelled, ending.error, ending.refusal) == (
        Verdict.UNDONE,
        True,
        "sold out",
        "SoldOut",
    )


async def test_a_run_that_is_evicted_stops_and_cancels_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_story(story_run: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(StoryRun, "run", run_story)
    monkeypatch.setattr(workflow, "cancellation_reason", lambda: "somebody has asked Temporal to")
    run = SagaRun(Saga("s", story, A), "subject", "1")
    task = asyncio.create_task(run._run_story())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert run.cancel_reason is None


@pytest.mark.parametrize("committed", [False, True])
async def test_a_saga_whose_pivot_is_known_to_stand_goes_forward_only(
    monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    verdicts: list[Verdict | None] = []

    async def drive(run: SagaRun[str], unwind_because: str | None) -> Outcome:
        verdicts.append(run.verdict)
        run.cancel("no more")
        return Outcome(Verdict.STANDS)

    async def wait_condition(condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(0)

    monkeypatch.setattr(SagaRun, "_drive", drive)
    monkeypatch.setattr(workflow, "wait_condition", wait_condition)
    monkeypatch.setattr(workflow, "all_handlers_finished", lambda: True)
    run = SagaRun(Saga("s", story, A), "subject", "1")
    run.phase = Phase.UNWINDING

    assert await run.run(committed=committed) == Outcome(Verdict.STANDS)
    assert verdicts == [Verdict.STANDS if committed else None]
    assert run.cancel_reason == (None if committed else "no more")
    assert run.phase is (Phase.FORWARD if committed else Phase.UNWINDING)


def kinds_of(run: SagaRun[Any]) -> list[str]:
    return [type(each).__name__ for each in run.events]


def test_events_are_passed_to_the_callback() -> None:
    received: list[SagaEvent] = []
    run = SagaRun(Saga("s", story, A), "subject", "1", on_event=received.append)
    run.cancel("no more")

    assert kinds_of(run) == ["CancelRequested"]
    assert received == run.events
