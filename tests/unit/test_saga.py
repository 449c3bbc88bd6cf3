"""What makes a saga, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio import activity

from ordersaga.saga import Kind, Saga, SagaDeclarationError, Step, Steps, Undo, Undone, UndoOutcome, first_attempts


@activity.defn
async def do(argument: str) -> str:
    return argument


@activity.defn
async def undo(undo: Undo) -> Undone:
    return Undone(UndoOutcome.UNDONE)


async def story(subject: str, saga: Steps) -> None:
    pass


def step(name: str, kind: Kind = Kind.COMPENSATABLE, *, undoable: bool = True, prefix: str = "") -> Step[Any, Any]:
    return Step(name, prefix=prefix or name, do=do, undo=undo if undoable else None, kind=kind)


A, B = step("a"), step("b")
PIVOT = step("p", Kind.PIVOT)
LAST, OTHER_LAST = step("x", Kind.RETRIABLE), step("y", Kind.RETRIABLE, undoable=False)


@pytest.mark.parametrize(
    ("steps", "undone"),
    [
        ([A], "a"),
        ([A, B], "ba"),
        ([A, B, PIVOT], "pba"),
        ([A, B, PIVOT, LAST, OTHER_LAST], "pxba"),
        ([PIVOT, LAST], "px"),
        ([A, LAST], "xa"),
    ],
)
def test_the_pivot_is_undone_first_and_the_others_in_reverse(steps: list[Step[Any, Any]], undone: str) -> None:
    assert "".join(each.name for each in Saga("s", story, *steps).undo_order) == undone


def test_first_attempts_of_which_an_activity_is_missing_are_refused_when_the_worker_is_made() -> None:
    @activity.defn(name="do")
    async def by_another_name(argument: str) -> str:
        return argument

    with pytest.raises(SagaDeclarationError, match="no activity that does a, b"):
        first_attempts(Saga("s", story, A, B), [undo])
    first_attempts(Saga("s", story, A, B), [by_another_name, undo])


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([], "at least one step"),
        ([A, step("a", prefix="other")], "same name"),
        ([A, step("b", prefix="a")], "same prefix"),
        ([A, step("b", undoable=False)], "b is compensatable and therefore needs an undo"),
        ([A, step("p", Kind.PIVOT, undoable=False)], "p is pivot and therefore needs an undo"),
        ([PIVOT, step("q", Kind.PIVOT)], "one pivot at the most"),
        ([PIVOT, A], "compensatable, the pivot, retriable"),
        ([LAST, PIVOT], "compensatable, the pivot, retriable"),
        ([A, LAST, B], "compensatable, the pivot, retriable"),
    ],
)
def test_steps_that_make_no_saga_are_refused_when_they_are_declared(steps: list[Step[Any, Any]], problem: str) -> None:
    with pytest.raises(SagaDeclarationError, match=problem):
        Saga("s", story, *steps)
