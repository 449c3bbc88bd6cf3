"""Valid and invalid declarations of a saga."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from temporalio import activity

from ordersaga.saga import (
    EffectId,
    ExternalEvent,
    Kind,
    Saga,
    SagaDeclarationError,
    Step,
    first_attempts,
)
from ordersaga.saga.definition import keys_of
from tests.unit.parts import do, request, story, undo
from tests.unit.registers import REGISTER


def step(name: str, kind: Kind = Kind.COMPENSATABLE, *, undoable: bool = True, **more: Any) -> Step[Any, Any]:
    return Step(name, request=request, do=do, undo=undo if undoable else None, kind=kind, **more)


A, B = step("a"), step("b")
PIVOT = step("p", Kind.PIVOT)
CHECK = step("c", Kind.CHECK, undoable=False)
REQUIRED = step("r", Kind.REQUIRED)
LAST, OTHER_LAST = step("x", Kind.RETRIABLE), step("y", Kind.RETRIABLE, undoable=False)


@pytest.mark.parametrize(
    "steps",
    [
        [A],
        [CHECK, A, step("c2", Kind.CHECK, undoable=False), B],
        [A, B, PIVOT, REQUIRED, LAST, OTHER_LAST],
        [PIVOT, LAST],
        [A, LAST],
        [A, PIVOT, step("r", Kind.REQUIRED, undoable=False, undone_by=A)],
    ],
)
def test_steps_that_make_a_saga(steps: list[Step[Any, Any]]) -> None:
    assert Saga("s", story, *steps).steps == tuple(steps)


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([], "at least one step"),
        ([A, step("a", prefix="other")], "duplicate step name: a"),
        ([A, step("b", prefix="a")], "duplicate step prefix: a"),
        ([PIVOT, step("q", Kind.PIVOT)], "one pivot at the most"),
        ([PIVOT, A], "steps come in this order"),
        ([PIVOT, CHECK], "steps come in this order"),
        ([LAST, PIVOT], "steps come in this order"),
        ([PIVOT, LAST, REQUIRED], "steps come in this order"),
        ([REQUIRED, PIVOT], "steps come in this order"),
        (
            [CHECK, A, step("e", undoable=False, kind=Kind.RETRIABLE, undone_by=CHECK)],
            "is not an earlier step with an undo",
        ),
        ([A, LAST, B], "steps come in this order"),
        ([A, REQUIRED], "a required step comes after a pivot"),
        (
            [B, PIVOT, step("r", Kind.REQUIRED, undoable=False, undone_by=A)],
            "r is undone by a, which is not an earlier step",
        ),
        (
            [PIVOT, step("e", Kind.REQUIRED, undoable=False, undone_by=REQUIRED), REQUIRED],
            f"e is undone by {REQUIRED.name}, which is not an earlier step",
        ),
        ([A, step("e", undoable=False, kind=Kind.RETRIABLE, undone_by=CHECK)], "is not an earlier step with an undo"),
    ],
)
def test_steps_that_make_no_saga_are_refused_when_they_are_declared(steps: list[Step[Any, Any]], problem: str) -> None:
    with pytest.raises(SagaDeclarationError, match=problem):
        Saga("s", story, *steps)


@pytest.mark.parametrize(
    ("declare", "problem"),
    [
        (lambda: step("b", undoable=False), "b is compensatable and therefore needs an undo"),
        (lambda: step("p", Kind.PIVOT, undoable=False), "p is pivot and therefore needs an undo"),
        (lambda: step("r", Kind.REQUIRED, undoable=False), "r is required: give its undo, or undone_by"),
        (lambda: step("c", Kind.CHECK), "c is a check: it has no effect"),
        (lambda: step("c", Kind.CHECK, undoable=False, undone_by=A), "c is a check: it has no effect"),
        (lambda: step("e", undone_by=A), "e has an undo of its own, and is undone by a"),
        (lambda: step("a-b"), "'a-b' does not name a step"),
        (lambda: step("a", prefix="p-1"), "'p-1' does not name a step"),
        (lambda: step("a-b", prefix="p"), "'a-b' does not name a step"),
        (lambda: ExternalEvent("a b", str), "'a b' does not name an event"),
    ],
)
def test_a_step_that_cannot_be_one_is_refused_when_it_is_declared(declare: Callable[[], object], problem: str) -> None:
    with pytest.raises(SagaDeclarationError, match=problem):
        declare()


def test_two_events_of_one_name_are_refused() -> None:
    with pytest.raises(SagaDeclarationError, match="duplicate event: paid"):
        Saga("s", story, A, events=[ExternalEvent("paid", str), ExternalEvent("paid", int)])


@pytest.mark.parametrize("keys", [["1", "1"], ["a-b"], [""], [7]])
def test_keys_that_would_let_two_effects_share_an_id_are_refused(keys: list[Any]) -> None:
    with pytest.raises(SagaDeclarationError, match="key"):
        keys_of(step("parcel", keys=lambda subject: keys), "S1")


def test_the_id_of_an_effect_is_made_of_prefix_saga_key_and_instance_key() -> None:
    effect_id = EffectId("shp", "A-1", "2")

    assert effect_id == "shp-A-1-2"
    assert effect_id.key == "2"
    assert step("parcel").prefix == "parcel"


def test_first_attempts_of_which_an_activity_is_missing_are_refused_when_the_worker_is_made() -> None:
    @activity.defn(name="do")
    async def by_another_name(argument: str) -> str:
        return argument

    saga = Saga("s", story, step("a", fast_path=True), step("b", fast_path=True), step("slow"))
    with pytest.raises(SagaDeclarationError, match="no activity for a, b"):
        first_attempts(saga, [undo])
    first_attempts(saga, [by_another_name, undo])


def test_first_attempts_of_a_saga_whose_steps_do_not_take_the_fast_path_are_refused() -> None:
    with pytest.raises(SagaDeclarationError, match="no step of s has fast_path=True"):
        first_attempts(Saga("s", story, A), [do])


def test_a_changed_saga_has_the_same_events_owner_and_register() -> None:
    saga = Saga("s", story, A, events=[ExternalEvent("paid", str)], owner=lambda subject: "owner", register=REGISTER)
    later = saga.changed("s2", story, A, B)
    assert (later.name, list(later.steps)) == ("s2", [A, B])
    assert (list(later.events), later.owner, later.register) == (list(saga.events), saga.owner, REGISTER)
