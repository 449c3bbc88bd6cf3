"""The policy of a saga and its overrides by steps; and the errors that activities raise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationErrorCategory

from ordersaga.saga import ExternalEvent, Policy, Step, UndoOutcome, UndoRequest, UndoResult, not_yet, refusal
from ordersaga.saga.activity_calls import DO, Retries
from tests.unit.parts import do, request, undo

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("own", ["call_timeout", "step_deadline", "undo_patience"])
def test_a_step_overrides_what_it_declares_and_nothing_else(own: str) -> None:
    policy = Policy(*(number * SECOND for number in range(1, 7)))
    declared: dict[str, Any] = {own: 99 * SECOND}
    step = Step[str, str]("a", request, do, undo, **declared)

    of_step = policy.of(step)
    assert getattr(of_step, own) == 99 * SECOND
    changed = {name for name, value in vars(policy).items() if getattr(of_step, name) != value}
    assert changed == {own}
    assert policy.of(Step[str, str]("b", request, do, undo)) == policy


def test_what_is_parked_is_retried_forever_by_the_server_and_ever_more_slowly() -> None:
    retry = Retries.SLOW.of(DO, Policy(parked_interval=7 * SECOND))

    assert (retry.initial_interval, retry.maximum_interval) == (7 * SECOND, timedelta(hours=1))
    assert (retry.backoff_coefficient, retry.maximum_attempts) == (2.0, 0)


def test_what_a_person_wants_to_know_is_tried_once() -> None:
    assert Retries.NONE.of(DO, Policy()).maximum_attempts == 1
    assert Retries.QUICK.of(DO, Policy()) is DO


def test_a_steps_prefix_and_title_default_to_its_name() -> None:
    plain = Step[str, str]("a", request, do, undo)
    assert (plain.prefix, plain.title, plain.fast_path) == ("a", "a", False)
    named = Step[str, str]("a", request, do, undo, prefix="p", title="do it")
    assert (named.prefix, named.title) == ("p", "do it")


def test_the_id_of_an_effect_has_a_key_only_where_there_are_instances() -> None:
    step = Step[str, str]("a", request, do, undo, prefix="p")

    assert (step.effect_id("S-1"), step.effect_id("S-1").key) == ("p-S-1", "")
    assert (step.effect_id("S-1", "2"), step.effect_id("S-1", "2").key) == ("p-S-1-2", "2")


def test_an_undo_result_has_one_attempt_by_default() -> None:
    assert UndoResult(UndoOutcome.UNDONE) == UndoResult(UndoOutcome.UNDONE, 1, "")
    assert UndoRequest("a-1") == UndoRequest("a-1", "")


def test_a_refusal_is_final_and_no_alarm() -> None:
    error = refusal("sold out", "SoldOut")

    assert (error.message, error.type, error.non_retryable) == ("sold out", "SoldOut", True)
    assert error.category is ApplicationErrorCategory.BENIGN


def test_a_poll_that_found_nothing_is_repeated_and_not_logged_as_an_error() -> None:
    error = not_yet()

    assert (error.message, error.type, error.non_retryable) == ("it has not happened yet", "NotYet", False)
    assert error.category is ApplicationErrorCategory.BENIGN
    assert not_yet("no payment").message == "no payment"


def test_a_poll_is_given_the_subject_and_a_wait_ends_on_cancel_where_nothing_else_is_declared() -> None:
    event = ExternalEvent[str, str]("paid", str)

    assert (event.request("subject"), event.poll, event.ends_on_cancel) == ("subject", None, True)
