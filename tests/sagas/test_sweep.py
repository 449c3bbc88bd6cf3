"""The sweep: its cases cover a declaration, correct sagas pass, and an intentionally broken engine does not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import activity
from temporalio.client import Client

from examples.course.tour import TOUR_SAGA, Tour
from examples.trip import FLIGHT, TICKET, TRIP_SAGA, Trip
from ordersaga.saga import (
    EffectId,
    ExternalEvent,
    Saga,
    SagaContext,
    SagaRun,
    Step,
    StepRecord,
    UndoOutcome,
    UndoRequest,
    UndoResult,
    Verdict,
)
from ordersaga.testing.sagas import Cancel, Case, case_runner, cases_of, run_case, run_sweep

PAGE = Path(__file__).parents[2] / "docs" / "start" / "course.md"
TRIP = Trip("T1", "Ada")
TOUR = Tour("1", ["ada", "bob"])


def case_named(saga: Saga[Trip] | Saga[Tour], name: str) -> Case:
    return next(case for case in cases_of(saga) if str(case) == name)


def test_each_step_has_each_trouble_with_each_cancel_and_crash() -> None:
    cases = cases_of(TRIP_SAGA)
    names = [str(case) for case in cases]
    assert len(set(names)) == len(names)
    assert len([case for case in cases if case.script.verb == "do"]) == 4 * 6 * 6
    assert len([case for case in cases if case.script.verb == "undo"]) == (3 * 5 + 2) * 6, "a mail has no undo"
    assert {case.step for case in cases if "too late" in str(case)} == {TICKET}
    assert "hotel: its answer is lost once, cancelled by update, the worker crashes" in names


@pytest.mark.parametrize("part", range(3))
async def test_a_trip_is_all_or_nothing_in_every_case(temporal: Client, part: int) -> None:
    """Every seventh case; `.venv/bin/python -m examples.course.sweep` runs all."""
    cases = cases_of(TRIP_SAGA)[part * 7 :: 21]
    violations = await run_sweep(TRIP_SAGA, TRIP, temporal=temporal, cases=cases)
    assert not violations, "\n".join(map(str, violations))


async def test_a_tour_with_every_kind_of_step_is_all_or_nothing(temporal: Client) -> None:
    violations = await run_sweep(TOUR_SAGA, TOUR, temporal=temporal, cases=cases_of(TOUR_SAGA)[::17])
    assert not violations, "\n".join(map(str, violations))


@pytest.mark.parametrize("cancel", [Cancel.NATIVE, Cancel.UPDATE])
async def test_a_case_cancels_and_crashes_while_its_step_is_under_way(temporal: Client, cancel: Cancel) -> None:
    case = next(each for each in cases_of(TRIP_SAGA) if each.step is FLIGHT and each.cancel is cancel and each.crash)
    result = await run_case(temporal, TRIP_SAGA, TRIP, case)

    assert result.reached
    assert result.verdict is Verdict.UNDONE
    assert [line.words for line in result.lines if line.words.startswith("cancel: ")]


async def test_a_crash_has_the_first_attempts_made_again(temporal: Client) -> None:
    result = await run_case(
        temporal, TOUR_SAGA, TOUR, case_named(TOUR_SAGA, "seat: nothing goes wrong, the worker crashes")
    )

    assert result.reached
    assert result.verdict is Verdict.STANDS


# -- an intentionally broken engine


async def test_an_undo_that_is_skipped_is_reported(temporal: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = SagaRun._undo_order

    def all_but_the_last(run: SagaRun[Trip], records: list[StepRecord]) -> list[StepRecord]:
        return whole(run, records)[:-1]

    monkeypatch.setattr(SagaRun, "_undo_order", all_but_the_last)
    case = case_named(TRIP_SAGA, "ticket: it is refused")
    (violation,) = await run_sweep(TRIP_SAGA, TRIP, temporal=temporal, cases=[case])

    assert violation.problems == ["it is undone, and flight (done) is live"]
    shown = re.search(r"```text\n(.*?)\n```", PAGE.read_text(), re.DOTALL)
    assert shown
    assert re.sub(r"\d+\.\d", "#", str(violation)) == re.sub(r"\d+\.\d", "#", shown[1])


async def test_steps_that_are_undone_before_the_pivot_was_asked_are_reported(
    temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def everything(run: SagaRun[Trip], unwind: BaseException, records: Sequence[StepRecord]) -> None:
        await run._undo_all(run._undo_order(list(records))[1:], "too early")
        await whole(run, unwind, list(records))  # type: ignore[arg-type]

    whole = SagaRun._unwind
    monkeypatch.setattr(SagaRun, "_unwind", everything)
    case = case_named(TRIP_SAGA, "ticket: its undo comes too late")
    monkeypatch.setattr(case_runner, "LIMIT", 4.0)

    assert await run_sweep(TRIP_SAGA, TRIP, temporal=temporal, cases=[case])


async def test_a_verdict_that_is_not_kept_is_reported(temporal: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def always(run: SagaRun[Trip]) -> Verdict:
        return Verdict.STANDS

    monkeypatch.setattr(SagaRun, "outcome_decided", always)
    case = case_named(TRIP_SAGA, "hotel: it fails for ever, cancelled by update")
    (violation,) = await run_sweep(TRIP_SAGA, TRIP, temporal=temporal, cases=[case])

    assert violation.problems == ["the cancel was answered stands, but the saga ended undone"]


async def test_a_run_that_does_not_end_is_reported(temporal: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_runner, "LIMIT", 1.5)
    case = case_named(TRIP_SAGA, "flight: nothing goes wrong")
    (violation,) = await run_sweep(TRIP_SAGA, Trip("T1", "Ada", hold=3600), temporal=temporal, cases=[case])

    assert violation.problems == ["it did not end within 1.5 s"]
    assert "on hold for 3600 s" in str(violation)


# -- bugs that the sweep has found


class Station:
    """Books one thing, and polls for a payment."""

    @activity.defn
    async def reserve(self, request: str) -> str:
        """Reserve a seat."""
        raise NotImplementedError

    @activity.defn
    async def release(self, undo: UndoRequest) -> UndoResult:
        """Release it."""
        return UndoResult(UndoOutcome.UNDONE)

    @activity.defn
    async def look_for_payment(self, subject: str) -> str:
        """Poll whether it has been paid for."""
        raise NotImplementedError


def seat(subject: str, effect_id: EffectId) -> str:
    return effect_id


RESERVE = Step("seat", request=seat, do=Station.reserve, undo=Station.release)
PAID: ExternalEvent[str, str] = ExternalEvent("paid", str, poll=Station.look_for_payment)


async def paid_story(subject: str, saga: SagaContext[str]) -> None:
    await saga.do(RESERVE)
    await saga.wait_for(PAID, timedelta(hours=1))


PAID_SAGA = Saga("paid", paid_story, RESERVE, events=[PAID])


async def test_a_cancel_just_before_a_wait_with_a_poll_undoes_everything(
    temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll was cancelled before it had begun, and the run failed with its effects in place."""
    monkeypatch.setattr(case_runner, "LIMIT", 8.0)
    case = next(each for each in cases_of(PAID_SAGA) if each.cancel is Cancel.UPDATE and not each.crash)
    result = await run_case(temporal, PAID_SAGA, "1", case)

    assert not result.problems, result
    assert result.verdict is Verdict.UNDONE
