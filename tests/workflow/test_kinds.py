"""The kinds of steps: checks, required steps, instances, undos that become final later, and timeouts of steps."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from ordersaga.saga import Choice, Kind, Saga, SagaContext
from tests.workflow.cases import Case, CaseRunner, step
from tests.workflow.environment import until

A, B = step("a"), step("b")
CHECK = step("check", Kind.CHECK, undoable=False)
PIVOT = step("ship", Kind.PIVOT)
CAPTURE = step("capture", Kind.REQUIRED, undoable=False, undone_by=A)
MAIL = step("mail", Kind.RETRIABLE)
PARCELS = step("parcel", keys=lambda case: case.keys or [])
PIVOTS = step("ship", Kind.PIVOT, keys=lambda case: case.keys or [])
QUICK = {"step_deadline": 0.3, "undo_patience": 0.3}


async def cancel_is_heard(case: CaseRunner) -> None:
    """Wait until the run knows that it was cancelled."""

    async def heard() -> bool:
        return (await case.client.status()).cancel_reason is not None

    await until(heard)


# -- checks


async def checked(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(A)
    await saga.do(CHECK)
    await saga.do(B)


CHECKED = Saga("case", checked, A, CHECK, B)


async def test_a_check_has_no_undo_and_lets_the_saga_pass(case: CaseRunner) -> None:
    assert await case.run(CHECKED) == "stands"


async def test_a_refused_check_undoes_everything_remembered_or_not(case: CaseRunner) -> None:
    """Its answer may differ from the one before the run lost its memory, so steps after it may have been done."""
    case.given(do_check=["refuse"])

    assert await case.run(CHECKED) == "undone Refused"
    assert case.undos == ["b", "a"]


async def test_a_check_that_does_not_answer_undoes_everything(case: CaseRunner) -> None:
    case.given(do_check=["fault"])

    assert await case.run(CHECKED, step_deadline=0.3) == "undone"
    assert case.undos == ["b", "a"]


async def test_a_check_is_not_asked_for_its_consent_once_the_pivot_stands(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(CHECK)
        await saga.do(PIVOT)

    case.given(do_check=["ok", "refuse"], do_ship=["lost", "lost", "ok"], undo_ship=["late"])

    assert await case.run(Saga("case", story, CHECK, PIVOT), step_deadline=0.3) == "stands"
    assert (await case.states())["check"] == "gave_up"


# -- required steps


async def captured(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(A)
    await saga.do(PIVOT)
    await saga.do(CAPTURE)
    await saga.try_step(MAIL)


CAPTURED = Saga("case", captured, A, PIVOT, CAPTURE, MAIL)


@pytest.mark.parametrize("behavior", ["refuse", "fault"])
async def test_a_required_step_that_fails_undoes_everything_while_the_pivot_can_be_undone(
    case: CaseRunner, behavior: str
) -> None:
    case.given(do_capture=[behavior])

    assert await case.run(CAPTURED, **QUICK) == ("undone Refused" if behavior == "refuse" else "undone")
    assert case.undos[0] == "ship"
    assert [effect for effect in case.in_effect if effect != "capture"] == []


@pytest.mark.parametrize("behavior", ["refuse", "fault"])
async def test_a_required_step_that_fails_when_the_pivot_stands_waits_for_a_person(
    case: CaseRunner, behavior: str
) -> None:
    case.given(do_capture=[behavior], undo_ship=["late"])
    handle = await case.start(CAPTURED, **QUICK)
    await case.state_is("capture", "parked")
    assert (await case.client.status()).verdict == "stands"
    assert "mail" not in case.in_effect, "what comes later waits"

    case.given(do_capture=["ok"])
    await case.client.resolve("capture", Choice.RETRY, "Ada")
    assert await handle.result() == "stands"
    assert case.in_effect == ["a", "capture", "mail", "ship"]


async def test_a_required_step_may_be_done_by_hand_and_the_saga_goes_on(case: CaseRunner) -> None:
    case.given(do_capture=["refuse"], undo_ship=["late"])
    handle = await case.start(CAPTURED, **QUICK)
    await case.state_is("capture", "parked")
    await case.client.resolve("capture", Choice.DONE_BY_HAND, "Ada", "invoice 17")

    assert await handle.result() == "stands"
    assert case.in_effect == ["a", "mail", "ship"]


async def test_a_step_that_is_undone_with_another_is_shown_as_undone(case: CaseRunner) -> None:
    case.given(do_mail=["slow"])
    handle = await case.start(CAPTURED)
    await case.has(lambda: "do mail" in case.calls)
    cancelling = asyncio.create_task(case.client.cancel("no more"))
    await cancel_is_heard(case)
    case.world.release.set()

    assert await cancelling == "undone"
    assert await handle.result() == "undone cancelled"
    assert (await case.states())["capture"] == "undone"


# -- instances


async def one_after_the_other(case: Case, saga: SagaContext[Case]) -> None:
    for key in case.keys or []:
        await saga.do(PARCELS, key=key)
    await saga.do(B)


async def side_by_side(case: Case, saga: SagaContext[Case]) -> None:
    answers = await saga.do_all(PARCELS)
    assert list(answers) == case.keys
    await saga.do(B)


FAST_PARCELS = step("parcel", keys=lambda case: case.keys or [], fast_path=True)
FAST_B = step("b", fast_path=True)


async def fast_one_after_the_other(case: Case, saga: SagaContext[Case]) -> None:
    for key in case.keys or []:
        await saga.do(FAST_PARCELS, key=key)
    await saga.do(FAST_B)


async def fast_side_by_side(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do_all(FAST_PARCELS)
    await saga.do(FAST_B)


@pytest.mark.parametrize(
    "saga",
    [
        pytest.param(Saga("case", one_after_the_other, PARCELS, B), id="in-turn"),
        pytest.param(Saga("case", side_by_side, PARCELS, B), id="side-by-side"),
        pytest.param(Saga("case", fast_one_after_the_other, FAST_PARCELS, FAST_B), id="fast-in-turn"),
        pytest.param(Saga("case", fast_side_by_side, FAST_PARCELS, FAST_B), id="fast-side-by-side"),
    ],
)
class TestInstances:
    """The same for all four ways to do them."""

    async def test_each_has_an_effect_of_its_own(self, case: CaseRunner, saga: Saga[Case]) -> None:
        assert await case.run(saga, keys=["1", "2", "3"]) == "stands"
        assert case.in_effect == ["b", "parcel-1", "parcel-2", "parcel-3"]

    async def test_all_are_undone(self, case: CaseRunner, saga: Saga[Case]) -> None:
        case.given(do_b=["refuse"])

        assert await case.run(saga, keys=["1", "2", "3"]) == "undone Refused"
        assert case.in_effect == []
        assert case.undos == ["parcel-3", "parcel-2", "parcel-1"]

    async def test_the_others_are_undone_when_one_is_refused(self, case: CaseRunner, saga: Saga[Case]) -> None:
        case.given(do_parcel__2=["refuse"])

        assert await case.run(saga, keys=["1", "2", "3"]) == "undone Refused"
        assert case.in_effect == []
        assert "parcel-2" not in case.undos
        assert "do b" not in case.calls

    async def test_all_are_undone_when_one_is_unknown(self, case: CaseRunner, saga: Saga[Case]) -> None:
        case.given(do_parcel__2=["lost"])

        assert await case.run(saga, keys=["1", "2", "3"], step_deadline=0.3) == "undone"
        assert case.in_effect == []


async def test_instances_that_a_run_does_not_remember_are_undone(case: CaseRunner) -> None:
    """Keys follow from the subject, so a run that was cancelled before it began knows all of them."""
    case.world.effects += [f"parcel-{case.key}-{key}" for key in "12"]
    case.given(do_first=["slow"])

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(first)
        await saga.do_all(PARCELS)

    first = step("first")
    handle = await case.start(Saga("case", story, first, PARCELS), keys=["1", "2"])
    await case.has(lambda: "do first" in case.calls)
    cancelling = asyncio.create_task(case.client.cancel("no more"))
    await cancel_is_heard(case)
    case.world.release.set()

    assert await handle.result() == "undone cancelled"
    assert case.in_effect == []
    await cancelling


async def shipped_in_parts(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(A)
    await saga.do_all(PIVOTS)
    await saga.try_step(MAIL)


async def test_a_pivot_of_which_one_instance_has_left_goes_forward_or_to_a_person(case: CaseRunner) -> None:
    case.given(do_ship__2=["lost", "lost", "ok"], undo_ship__1=["late"])

    handle = await case.start(Saga("case", shipped_in_parts, A, PIVOTS, MAIL), keys=["1", "2"], **QUICK)
    await case.state_is("ship[2]", "parked")
    assert "a" in case.in_effect
    await case.client.resolve("ship[2]", Choice.DONE_BY_HAND, "Ada", "sent again as 17")

    assert await handle.result() == "stands"


async def test_an_undo_that_was_requested_is_not_asked_again_once_the_saga_goes_forward(case: CaseRunner) -> None:
    """Otherwise the second parcel is called back although the first one has left and the saga stands."""
    case.given(do_mail=["fault"], undo_ship__2=["requested", "ok"], undo_ship__1=["late"])
    saga = Saga("case", shipped_in_parts, A, PIVOTS, MAIL)
    handle = await case.start(saga, keys=["1", "2"], step_deadline=60, requested_interval=0.1)
    await case.has(lambda: "do mail" in case.calls)
    cancelling = asyncio.create_task(case.client.cancel("no more"))
    await case.has(lambda: "undo ship-1" in case.calls)
    case.given(do_mail=["lag", "lag", "lag"])

    assert await cancelling == "stands"
    assert await handle.result() == "stands"
    assert case.in_effect == ["a", "mail", "ship-1", "ship-2"]
    assert case.calls.count("undo ship-2") == 1


# -- undos that become final later


async def test_an_undo_that_was_requested_keeps_nothing_waiting_and_is_asked_until_it_is_final(
    case: CaseRunner,
) -> None:
    case.given(do_last=["refuse"], undo_b=["requested", "requested", "ok"])
    last = step("last")

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.do(B)
        await saga.do(last)

    handle = await case.start(Saga("case", story, A, B, last), requested_interval=60)
    await case.has(lambda: "undo a" in case.calls)
    status = await case.client.status()
    assert (status.verdict, status.parked) == ("undone", [])
    assert (await case.states())["b"] == "undo_requested"

    await case.client.resolve("b", Choice.RETRY, "Ada")
    await case.client.resolve("b", Choice.RETRY, "Ada")
    assert await handle.result() == "undone Refused"
    assert case.in_effect == []
    assert case.calls.count("undo b") == 3


async def test_a_requested_undo_that_fails_later_waits_for_a_person(case: CaseRunner) -> None:
    case.given(do_ship=["refuse"], undo_a=["requested", "fault"])
    handle = await case.start(CAPTURED, **QUICK)
    await case.state_is("a", "parked")
    await case.client.resolve("a", Choice.WRITE_OFF, "Ada", "lost in the mail")

    assert await handle.result() == "undone Refused"


async def test_a_pivot_whose_undo_was_requested_is_not_believed_to_stand_later(case: CaseRunner) -> None:
    case.given(do_capture=["refuse"], undo_ship=["requested", "late"])
    handle = await case.start(CAPTURED, requested_interval=0.1, **QUICK)
    await case.state_is("ship", "parked")
    assert "a" not in case.in_effect, "the rest is undone already"
    await case.client.resolve("ship", Choice.WRITE_OFF, "Ada", "the parcel is gone")

    assert await handle.result() == "undone Refused"


# -- timeouts of steps


async def test_a_step_may_have_a_deadline_and_patience_of_its_own(case: CaseRunner) -> None:
    hasty = step("hasty", step_deadline=timedelta(seconds=0.3), undo_patience=timedelta(seconds=0.3))
    case.given(do_hasty=["fault"], undo_hasty=["fault"])

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(hasty)

    handle = await case.start(Saga("case", story, hasty), step_deadline=300, undo_patience=300)
    await case.state_is("hasty", "parked")
    case.given(undo_hasty=["ok"])
    assert await handle.result() == "undone"


async def test_a_call_may_have_a_time_out_of_its_own(case: CaseRunner) -> None:
    short = step("short", call_timeout=timedelta(seconds=0.2))
    case.given(do_short=["slow", "ok"])

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(short)

    assert await case.run(Saga("case", story, short), step_deadline=20) == "stands"
    assert case.calls.count("do short") == 2


async def test_a_step_whose_undo_came_first_reports_it(case: CaseRunner) -> None:
    case.world.tombstones.add(f"b-{case.key}")

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        await saga.do(B)

    assert await case.run(Saga("case", story, A, B)) == "undone"
    assert (await case.client.status()).step("b").last_error == "an undo has been there"


async def test_a_retriable_steps_answer_is_given_to_the_story(case: CaseRunner) -> None:
    received: list[str | None] = []
    last = step("last", Kind.RETRIABLE)

    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        received.append(await saga.try_step(last))

    assert await case.run(Saga("case", story, last)) == "stands"
    assert received[-1] == f"answer of last-{case.key}"
