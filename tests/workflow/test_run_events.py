"""The events of a run: every event, in order, with all its fields."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from ordersaga.saga import Choice, ExternalEvent, Kind, Saga, SagaContext, SagaEvent, first_attempts
from tests.workflow.cases import SAGAS, Case, CaseRunner, CaseWorkflow, step
from tests.workflow.environment import until

A, B, FAST_A, FAST_B = step("a"), step("b"), step("a", fast_path=True), step("b", fast_path=True)
PIVOT, MAIL = step("ship", Kind.PIVOT), step("mail", Kind.RETRIABLE)
CHECK = step("check", Kind.CHECK, undoable=False)
PAID = ExternalEvent[Case, str]("paid", str)
TIMES = ("at", "since", "until")


def text(event: SagaEvent) -> str:
    """An event without its times: `StepDone step=a state=done was=running attempts=1`."""
    fields = (f"{name}={value}" for name, value in vars(event).items() if name not in (*TIMES, "decision"))
    return " ".join([type(event).__name__, *fields])


@workflow.defn
class EventsWorkflow(CaseWorkflow):
    """Records the events."""

    @workflow.init
    def __init__(self, case: Case) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: Case) -> str:
        """Run to the end, and return which end it was, with what failed."""
        outcome = await self.saga.run()
        return f"{outcome.verdict} cancelled={outcome.cancelled} error={outcome.error} refusal={outcome.refusal}"

    @workflow.query
    def all_events(self) -> list[str]:
        """All events, as text."""
        return [text(each) for each in self.saga.events]

    @workflow.query
    def spans(self) -> dict[str, float]:
        """How many seconds the run planned to wait, by the kind of the event."""
        ends = {type(each).__name__: each for each in self.saga.events if hasattr(each, "until")}
        return {name: (getattr(each, "until") - each.at).total_seconds() for name, each in ends.items()}  # noqa: B009


Handle = WorkflowHandle[Any, str]


@asynccontextmanager
async def running(case: CaseRunner, saga: Saga[Case], **more: Any) -> AsyncIterator[Handle]:
    """The saga's run, and a worker for it."""
    SAGAS[case.key] = saga
    calls: list[Callable[..., Any]] = [case.world.do_step, case.world.undo_step, case.outside.look]
    ahead = [first_attempts(saga, calls)] if any(each.fast_path for each in saga.steps) else []
    async with Worker(
        case.temporal,
        task_queue=f"events-{case.key}",
        workflows=[EventsWorkflow],
        activities=[*calls, *ahead],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        given = Case(case.key, case.key, **more)
        yield await case.temporal.start_workflow(EventsWorkflow.run, given, id=case.id, task_queue=f"events-{case.key}")


async def all_events(handle: Handle) -> list[str]:
    events: list[str] = await handle.query(EventsWorkflow.all_events)
    return events


async def has_event(handle: Handle, kind: str) -> None:
    """Wait until there is an event of this kind."""

    async def check() -> bool:
        return any(each.startswith(kind) for each in await all_events(handle))

    await until(check)


def begun(name: str) -> str:
    return f"StepBegun step={name} state=running was=pending"


def done(name: str, attempts: int = 1) -> str:
    return f"StepDone step={name} state=done was=running attempts={attempts}"


def undone(name: str, was: str, reason: str) -> list[str]:
    return [
        f"UndoBegun step={name} state=undoing was={was} reason={reason}",
        f"UndoAnswered step={name} state=undone was=undoing outcome=undone attempts=1 detail=undone",
    ]


async def test_a_run_in_which_all_goes_well(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.hold(timedelta(seconds=0.3))
        await saga.hold(timedelta(0))
        await saga.wait_for(PAID, timedelta(seconds=77))
        await saga.do(PIVOT)
        await saga.try_step(MAIL)

    async with running(case, Saga("case", story, A, PIVOT, MAIL, events=[PAID])) as handle:
        await has_event(handle, "WaitBegun")
        await handle.signal(CaseWorkflow.deliver, args=["paid", "17"])
        await handle.signal(CaseWorkflow.deliver, args=["paid", "18"])

        assert await handle.result() == "stands cancelled=False error=None refusal=None"
        assert await all_events(handle) == [
            begun("a"),
            done("a"),
            "HoldBegun",
            "HoldEnded",
            "WaitBegun event=paid",
            "EventReceived event=paid",
            begun("ship"),
            done("ship"),
            begun("mail"),
            done("mail"),
            "OutcomeDecided verdict=stands",
            "SagaEnded verdict=stands",
        ]
        assert await handle.query(EventsWorkflow.spans) == {"HoldBegun": 0.3, "WaitBegun": 77}
        view = await case.client.status()
        assert (view.phase, view.verdict, view.cancel_reason) == ("ended", "stands", None)


async def test_a_refusal(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.do(B)

    case.given(do_b=["refuse"])
    async with running(case, Saga("case", story, A, B)) as handle:
        assert await handle.result() == "undone cancelled=False error=no refusal=Refused"
        assert await all_events(handle) == [
            begun("a"),
            done("a"),
            begun("b"),
            "StepRefused step=b state=refused was=running refusal=Refused message=no",
            "UnwindBegun reason=no",
            "OutcomeDecided verdict=undone",
            *undone("a", "done", "no"),
            "SagaEnded verdict=undone",
        ]
        step = (await case.client.status()).step("b")
        assert (step.state, step.last_error, step.undoing) == ("refused", "no", False)


async def test_a_step_whose_effect_stays_unknown(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)

    case.given(do_a=["lost"])
    async with running(case, Saga("case", story, A), step_deadline=0.3) as handle:
        why = "a failed: broken after the effect"
        assert await handle.result() == f"undone cancelled=False error={why} refusal=None"
        assert await all_events(handle) == [
            begun("a"),
            "StepFailed step=a state=unknown was=running message=broken after the effect",
            f"UnwindBegun reason={why}",
            "OutcomeDecided verdict=undone",
            *undone("a", "unknown", why),
            "SagaEnded verdict=undone",
        ]
        step = (await case.client.status()).step("a")
        assert step.last_error == "broken after the effect"
        assert (step.attempts, step.undo_attempts, step.undoing) == (1, 1, True)


async def test_failed_first_attempts_are_reported(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(FAST_A)
        await saga.do(FAST_B)

    case.given(do_b=["fault", "ok"])
    async with running(case, Saga("case", story, FAST_A, FAST_B)) as handle:
        assert (await handle.result()).startswith("stands")
        assert await all_events(handle) == [
            begun("a"),
            done("a"),
            begun("b"),
            "AttemptFailed step=b attempt=1 undoing=False message=broken before the effect",
            done("b", attempts=2),
            "OutcomeDecided verdict=stands",
            "SagaEnded verdict=stands",
        ]
        steps = (await case.client.status()).steps
        assert [each.last_error for each in steps] == [None, "broken before the effect"]


async def test_a_cancel(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.hold(timedelta(seconds=300))
        await saga.do(B)

    async with running(case, Saga("case", story, A, B)) as handle:
        await has_event(handle, "HoldBegun")
        assert await case.client.cancel("no more", "Ada") == "undone"
        assert await handle.result() == "undone cancelled=True error=None refusal=None"
        nothing = "nothing_to_undo"
        assert await all_events(handle) == [
            begun("a"),
            done("a"),
            "HoldBegun",
            "CancelRequested reason=no more by=Ada",
            "UnwindBegun reason=cancelled: no more",
            "OutcomeDecided verdict=undone",
            "UndoBegun step=b state=undoing was=pending reason=cancelled: no more",
            f"UndoAnswered step=b state={nothing} was=undoing outcome={nothing} attempts=1 detail={nothing}",
            *undone("a", "done", "cancelled: no more"),
            "SagaEnded verdict=undone",
        ]
        view = await case.client.status()
        assert (view.phase, view.verdict, view.cancel_reason) == ("ended", "undone", "no more")


async def test_a_native_cancel_in_a_storys_own_wait_is_not_an_error_of_the_saga(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await workflow.wait_condition(lambda: workflow.cancellation_reason() is not None)

    async with running(case, Saga("case", story, A)) as handle:
        await has_event(handle, "StepDone")
        await handle.cancel(reason="closing time")

        assert await handle.result() == "undone cancelled=True error=None refusal=None"
        assert (await all_events(handle))[2:4] == [
            "CancelRequested reason=closing time by=None",
            "UnwindBegun reason=cancelled: closing time",
        ]


async def test_a_cancel_during_an_attempt_is_not_an_error_of_the_step(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)

    case.given(do_a=["slow"])
    async with running(case, Saga("case", story, A), step_deadline=60) as handle:
        await case.has(lambda: "do a" in case.calls)
        cancelling = asyncio.create_task(case.client.cancel("no more"))
        await has_event(handle, "CancelRequested")
        case.world.release.set()

        assert await cancelling == "undone"
        assert await handle.result() == "undone cancelled=True error=None refusal=None"
        assert (await case.client.status()).step("a").last_error is None


async def test_a_pivot_that_stands_and_a_step_parked_after_it(case: CaseRunner) -> None:
    charge = step("charge", Kind.REQUIRED)

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(PIVOT)
        await saga.do(charge)
        await saga.try_step(MAIL)

    case.given(do_charge=["refuse"], undo_ship=["late"], do_mail=["refuse"])
    async with running(case, Saga("case", story, PIVOT, charge, MAIL), parked_interval=60) as handle:
        await has_event(handle, "StepParked")
        view = await case.client.status()
        assert (view.phase, view.verdict, view.parked) == ("forward", "stands", ["charge"])
        parked = view.step("charge")
        assert (parked.state, parked.undoing, parked.last_error) == ("parked", False, "no")
        assert parked.choices == [Choice.RETRY, Choice.DONE_BY_HAND, Choice.WRITE_OFF]
        assert parked.next_try is not None
        await case.client.resolve("charge", Choice.RETRY, "Ada")
        await case.client.resolve("charge", Choice.WRITE_OFF, "Ada", "a gift")

        assert await handle.result() == "stands cancelled=False error=None refusal=None"
        assert await all_events(handle) == [
            begun("ship"),
            done("ship"),
            begun("charge"),
            "StepRefused step=charge state=refused was=running refusal=Refused message=no",
            "UnwindBegun reason=no",
            "UndoBegun step=ship state=undoing was=done reason=no",
            "UndoAnswered step=ship state=too_late was=undoing outcome=too_late attempts=1 detail=too_late",
            "OutcomeDecided verdict=stands",
            "WentForward step=ship",
            "StepBegun step=ship state=running was=too_late",
            done("ship", attempts=2),
            "StepBegun step=charge state=running was=refused",
            "StepParked step=charge state=parked was=running undoing=False message=no",
            "StepResolved step=charge state=parked was=parked undoing=False",
            "StepResolved step=charge state=written_off was=parked undoing=False",
            begun("mail"),
            "StepFailed step=mail state=gave_up was=running message=no",
            "SagaEnded verdict=stands",
        ]


@pytest.mark.parametrize("choice", [Choice.GO_FORWARD, Choice.WRITE_OFF])
async def test_a_pivot_whose_undo_is_parked_may_lead_either_way(case: CaseRunner, choice: Choice) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.do(PIVOT)

    case.given(do_ship=["lost", "ok"], undo_ship=["refuse"])
    saga = Saga("case", story, A, PIVOT)
    async with running(case, saga, step_deadline=0.3, parked_interval=60) as handle:
        await has_event(handle, "StepParked step=ship state=parked was=undoing undoing=True message=never")
        view = await case.client.status()
        assert (view.phase, view.verdict) == ("unwinding", None), "it is not certain which way it goes"
        assert Choice.GO_FORWARD in view.step("ship").choices
        await case.client.resolve("ship", choice, "Ada", "the carrier says so")

        verdict = "stands" if choice is Choice.GO_FORWARD else "undone"
        assert (await handle.result()).startswith(verdict)
        state = "too_late" if choice is Choice.GO_FORWARD else "written_off"
        assert f"StepResolved step=ship state={state} was=parked undoing=True" in await all_events(handle)


async def test_an_event_that_does_not_come(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.wait_for(PAID, timedelta(seconds=0.2))

    async with running(case, Saga("case", story, A, events=[PAID])) as handle:
        why = "paid did not come in time"
        assert await handle.result() == f"undone cancelled=False error={why} refusal=TimedOut"
        assert (await all_events(handle))[2:] == [
            "WaitBegun event=paid",
            "WaitTimedOut event=paid",
            f"UnwindBegun reason={why}",
            "OutcomeDecided verdict=undone",
            *undone("a", "done", why),
            "SagaEnded verdict=undone",
        ]


async def test_a_step_undone_with_another_is_reported_only_if_it_had_begun(case: CaseRunner) -> None:
    capture = step("capture", Kind.REQUIRED, undoable=False, undone_by=A)

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.do(PIVOT)
        await saga.do(capture)

    case.given(do_capture=["lost"])
    saga = Saga("case", story, A, PIVOT, capture)
    async with running(case, saga, step_deadline=0.3) as handle:
        assert (await handle.result()).startswith("undone")
        with_a = "step=capture state=undone was=unknown outcome=undone attempts=0 detail=undone with a"
        assert f"UndoAnswered {with_a}" in await all_events(handle)
        assert [each.undo_attempts for each in (await case.client.status()).steps] == [1, 1, 0]


async def test_a_step_undone_with_an_unreported_step_is_not_reported(case: CaseRunner) -> None:
    capture = step("capture", Kind.REQUIRED, undoable=False, undone_by=A)

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.do(PIVOT)
        await saga.do(capture)

    case.given(do_ship=["refuse"])
    async with running(case, Saga("case", story, A, PIVOT, capture)) as handle:
        assert (await handle.result()).startswith("undone")
        assert [each for each in await all_events(handle) if "step=capture" in each] == []
