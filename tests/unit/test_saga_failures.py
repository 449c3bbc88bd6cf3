"""Classifying a failed activity: a refusal, a reason to unwind, or a fault; and its message."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TimeoutType
from temporalio.exceptions import TimeoutError as DeadlineError

from ordersaga.saga import FENCED, ID_TAKEN, NOT_YOURS
from ordersaga.saga.activity_calls import attempts_of, classify_failure, explain, failure_of, is_foreign_effect
from ordersaga.saga.exits import Fault, Mismatch, Refused, Unwind
from ordersaga.saga.first_attempts import Failure
from tests.unit.engine import activity_error


def late(cause: BaseException | None) -> DeadlineError:
    error = DeadlineError(
        "activity ScheduleToClose timeout", type=TimeoutType.SCHEDULE_TO_CLOSE, last_heartbeat_details=[]
    )
    error.__cause__ = cause
    return error


NO = ApplicationError("sold out", type="SoldOut", non_retryable=True)
BROKEN = ApplicationError("connection reset", type="ConnectionError")


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (activity_error(NO), Failure("sold out", "SoldOut", True)),
        (activity_error(BROKEN), Failure("connection reset", "ConnectionError", False)),
        (activity_error(late(None)), Failure("activity ScheduleToClose timeout")),
        (activity_error(late(BROKEN)), Failure("connection reset (given up at the deadline)")),
        (activity_error(late(late(None))), Failure("activity ScheduleToClose timeout (given up at the deadline)")),
        (activity_error(None), Failure("Activity task failed")),
    ],
    ids=["no", "fault", "late", "late after a fault", "late after a time-out", "of itself"],
)
def test_a_failure_has_the_message_of_its_cause(error: ActivityError, failure: Failure) -> None:
    assert failure_of(error) == failure
    assert explain(error) == failure.message


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (NO, "sold out"),
        (late(BROKEN), "connection reset (given up at the deadline)"),
        (activity_error(KeyError("x")), "'x'"),
    ],
)
def test_so_has_one_that_is_not_an_activitys(error: FailureError, text: str) -> None:
    assert explain(error) == text


@pytest.mark.parametrize(
    ("cause", "attempts"),
    [
        (ApplicationError("m", 3), 3),
        (ApplicationError("m", 3, "more"), 3),
        (late(ApplicationError("m", 4)), 4),
        (ApplicationError("m", "3"), 1),
        (ApplicationError("m"), 1),
        (late(None), 1),
        (None, 1),
    ],
)
def test_the_last_attempt_has_the_number_of_attempts(cause: BaseException | None, attempts: int) -> None:
    assert attempts_of(activity_error(cause)) == attempts


@pytest.mark.parametrize(
    ("failure", "kind", "what"),
    [
        (Failure("m", "SoldOut", False), Fault, {}),
        (Failure("m", FENCED, False), Fault, {}),
        (Failure("m", ID_TAKEN, False), Fault, {}),
        (Failure("m", "SoldOut", True), Refused, {"kind": "SoldOut", "recorded": True}),
        (Failure("m", NOT_YOURS, True), Refused, {"kind": NOT_YOURS, "recorded": True}),
        (Failure("m", None, True), Refused, {"kind": "Refused", "recorded": True}),
        (Failure("m", FENCED, True), Unwind, {"wanted": False, "refusal": None}),
        (Failure("m", ID_TAKEN, True), Mismatch, {}),
    ],
)
def test_a_final_failure_is_a_no_or_a_reason_to_unwind_and_any_other_a_fault(
    failure: Failure, kind: type[BaseException], what: dict[str, Any]
) -> None:
    error = classify_failure(failure)

    assert type(error) is kind
    assert str(error) == "m"
    assert {name: getattr(error, name) for name in what} == what


@pytest.mark.parametrize(
    ("cause", "strangers"),
    [
        (ApplicationError("not yours", type=NOT_YOURS, non_retryable=True), True),
        (NO, False),
        (late(ApplicationError("not yours", type=NOT_YOURS)), False),
        (KeyError("x"), False),
        (None, False),
    ],
)
def test_an_effect_is_foreign_only_if_the_service_says_so(cause: BaseException | None, strangers: bool) -> None:
    assert is_foreign_effect(activity_error(cause)) is strangers
