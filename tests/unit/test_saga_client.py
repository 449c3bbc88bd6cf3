"""What a saga's client adds to a run's view: the attempts that the server is making."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.saga import Choice, DecisionRefused, Phase, SagaClient, SagaView, StepState, StepView, Verdict
from ordersaga.saga.client import read_until_known
from ordersaga.saga.pending_activities import PendingActivities

AT = datetime(2026, 1, 1, tzinfo=UTC)
WAITS = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
RUNS = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
STEP = StepView("a", "a-1", StepState.RUNNING, attempts=1, undo_attempts=2, last_error="before")
UNDO = replace(STEP, state=StepState.UNDOING, undoing=True, next_try=AT)


def with_pending(step: StepView, infos: Mapping[str, PendingActivityInfo]) -> StepView:
    return replace(step, **PendingActivities(infos.values()).changes(step))


def pending(activity_id: str, state: PendingActivityState.ValueType, error: str = "") -> dict[str, PendingActivityInfo]:
    scheduled = Timestamp(seconds=int(AT.timestamp()))
    failure = Failure(message=error) if error else None
    info = PendingActivityInfo(
        activity_id=activity_id, state=state, attempt=3, scheduled_time=scheduled, last_failure=failure
    )
    return {activity_id: info}


@pytest.mark.parametrize(
    ("shown", "name", "attempts"), [(STEP, "do a-1", (4, 2)), (UNDO, "undo a-1", (1, 5))], ids=["do", "undo"]
)
def test_the_next_attempt_counts_once_it_has_begun(shown: StepView, name: str, attempts: tuple[int, int]) -> None:
    running = with_pending(shown, pending(name, RUNS))
    assert (running.attempts, running.undo_attempts) == attempts
    assert running.next_try is None, "it is being tried"
    waiting = with_pending(shown, pending(name, WAITS))
    assert (waiting.attempts + waiting.undo_attempts) == sum(attempts) - 1
    assert waiting.next_try == AT


def test_the_undo_is_shown_where_the_do_is_still_ending() -> None:
    both = pending("do a-1", RUNS, "of the do") | pending("undo a-1", RUNS, "of the undo")

    assert with_pending(UNDO, both).last_error == "of the undo"
    assert with_pending(STEP, both).last_error == "of the do"


@pytest.mark.parametrize("state", StepState)
def test_nothing_is_added_to_a_step_that_is_not_under_way(state: StepState) -> None:
    shown = with_pending(replace(STEP, state=state), pending("do a-1", RUNS))

    under_way = (StepState.RUNNING, StepState.UNDOING, StepState.PARKED, StepState.UNDO_REQUESTED)
    assert (shown.attempts > 1) is (state in under_way)


def test_the_last_error_is_the_servers_if_it_knows_one() -> None:
    assert with_pending(STEP, pending("do a-1", RUNS, "broken")).last_error == "broken"
    assert with_pending(STEP, pending("do a-1", RUNS)).last_error == "before"


def test_a_step_that_is_not_under_way_is_shown_as_it_is() -> None:
    assert with_pending(STEP, pending("do b-1", RUNS, "broken")) == STEP


def test_a_time_that_the_server_does_not_send_is_not_invented() -> None:
    info = PendingActivityInfo(activity_id="do a-1", state=WAITS, attempt=1)

    shown = with_pending(STEP, {"do a-1": info})
    assert (shown.next_try, shown.attempts) == (None, 1)


def test_a_view_knows_its_steps_and_which_are_parked() -> None:
    parked = StepView("b", "b-1", StepState.PARKED)
    view = SagaView(Phase.UNWINDING, steps=[STEP, parked])

    assert view.parked == ["b"]
    assert view.step("b") is parked
    with pytest.raises(KeyError):
        view.step("c")


# -- a cancel, and where its answer comes from


class Run:
    """A run with scripted answers to its updates, the last one repeated, and to its queries."""

    def __init__(self, update: Exception | str | list[Exception | str], *verdicts: Verdict | RPCError | None) -> None:
        self.updates = update if isinstance(update, list) else [update]
        self.verdicts = list(verdicts)
        self.timeouts: list[timedelta] = []
        self.ids: list[str] = []
        self.signals: list[object] = []
        self.signal_error: RPCError | None = None

    async def signal(self, _: object, asked: object) -> None:
        """Record the signal."""
        self.signals.append(asked)
        if self.signal_error is not None:
            raise self.signal_error

    async def execute_update(self, *_: object, **options: str) -> str:
        """The answer to request_cancel."""
        self.ids.append(options["id"])
        update = self.updates.pop(0) if len(self.updates) > 1 else self.updates[0]
        if isinstance(update, Exception):
            raise update
        return update

    async def query(self, _: object, rpc_timeout: timedelta) -> SagaView:
        """The view, with the next verdict."""
        self.timeouts.append(rpc_timeout)
        verdict = self.verdicts.pop(0)
        if isinstance(verdict, RPCError):
            raise verdict
        return SagaView(Phase.UNWINDING, verdict)

    async def describe(self) -> Any:
        """A run without pending activities."""
        return SimpleNamespace(raw_description=SimpleNamespace(pending_activities=[]))

    @property
    def client(self) -> SagaClient:
        """A client of it."""
        temporal = SimpleNamespace(get_workflow_handle=lambda _: self)
        return SagaClient(cast("Client", temporal), "a")


def refused(kind: str) -> WorkflowUpdateFailedError:
    return WorkflowUpdateFailedError(ApplicationError("no", type=kind))


NOT_FOUND = RPCError("it has ended", RPCStatusCode.NOT_FOUND, b"")
DENIED = RPCError("not yours", RPCStatusCode.PERMISSION_DENIED, b"")
SILENT = RPCError("no answer", RPCStatusCode.UNAVAILABLE, b"")


async def test_a_cancel_is_answered_by_its_update() -> None:
    assert await Run("undone").client.cancel() is Verdict.UNDONE


@pytest.mark.parametrize("update", [refused("TooManyCancels"), NOT_FOUND])
async def test_the_answer_is_read_where_no_update_gives_it(update: Exception) -> None:
    run = Run(update, None, Verdict.STANDS)

    assert await run.client.cancel() is Verdict.STANDS
    assert run.verdicts == []


async def test_an_update_that_no_worker_got_to_see_is_asked_again() -> None:
    unseen = refused("UnprocessedUpdate")

    assert await Run([*4 * [unseen], "undone"]).client.cancel() is Verdict.UNDONE
    with pytest.raises(WorkflowUpdateFailedError):
        await Run([*5 * [unseen], "undone"]).client.cancel()
    with pytest.raises(DecisionRefused, match="no"):
        await Run([*5 * [unseen], "undone"]).client.resolve("a", Choice.RETRY, "Ada")


async def test_an_update_that_the_server_has_aborted_is_asked_again_as_the_same() -> None:
    aborted = RPCError("workflow update was aborted", RPCStatusCode.ABORTED, b"")
    run = Run([aborted, aborted, refused("UnprocessedUpdate"), "undone"])

    assert await run.client.cancel() is Verdict.UNDONE
    first, *same, another = run.ids
    assert same == [first, first]
    assert another != first


@pytest.mark.parametrize(
    ("status", "times"),
    [(RPCStatusCode.ABORTED, 5), (RPCStatusCode.RESOURCE_EXHAUSTED, 1), (RPCStatusCode.UNAVAILABLE, 1)],
    ids=["aborted", "no room", "unavailable"],
)
async def test_a_cancel_for_whose_update_the_server_has_no_room_is_signaled_and_its_answer_read(
    status: RPCStatusCode, times: int
) -> None:
    run = Run(RPCError("no room", status, b""), Verdict.UNDONE)

    assert await run.client.cancel("no more") is Verdict.UNDONE
    assert run.signals == ["no more"]
    assert len(run.ids) == times, "only what was aborted is asked again"


async def test_a_saga_that_ends_before_the_signal_answers_the_cancel_all_the_same() -> None:
    run = Run(SILENT, Verdict.STANDS)
    run.signal_error = NOT_FOUND
    assert await run.client.cancel() is Verdict.STANDS

    gone = Run(SILENT, Verdict.STANDS)
    gone.signal_error = SILENT
    with pytest.raises(RPCError):
        await gone.client.cancel()


async def test_a_decision_on_an_aborted_update_is_passed_on_in_the_end() -> None:
    with pytest.raises(RPCError):
        await Run(RPCError("aborted", RPCStatusCode.ABORTED, b"")).client.resolve("a", Choice.RETRY, "Ada")


async def test_a_query_that_the_server_loses_is_asked_again() -> None:
    run = Run(NOT_FOUND, RPCError("lost", RPCStatusCode.DEADLINE_EXCEEDED, b""), Verdict.STANDS)

    assert await run.client.cancel() is Verdict.STANDS
    with pytest.raises(RPCError):
        await Run(NOT_FOUND, SILENT).client.cancel()


@pytest.mark.parametrize("update", [refused("AnotherError"), WorkflowUpdateFailedError(RuntimeError("no")), DENIED])
async def test_another_failure_of_the_update_is_passed_on(update: Exception) -> None:
    run = Run(update, Verdict.STANDS)
    with pytest.raises(type(update)):
        await run.client.cancel()
    assert len(run.ids) == 1, "it is not asked again"


async def test_a_status_is_waited_for_until_its_timeout() -> None:
    run = Run("", None)
    await run.client.status(timedelta(seconds=7))

    assert run.timeouts == [timedelta(seconds=7)]


async def test_an_answer_is_read_again_at_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pass_at_once(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("asyncio.sleep", pass_at_once)
    answers = [None, None, None, "known"]

    async def read() -> str | None:
        return answers.pop(0)

    assert await read_until_known(read) == "known"
    assert pauses == [0.2, 0.4, 0.8]
