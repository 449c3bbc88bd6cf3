"""All cases of a saga, from its declaration: each step, each fault, cancel and crash, combined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ordersaga.saga import Choice, Kind, Saga, Step
from ordersaga.testing.sagas.script import Do, Undo
from ordersaga.testing.sagas.world import World

AnyStep = Step[Any, Any, *tuple[Any, ...]]


class Cancel(StrEnum):
    """How the saga is cancelled while the step is running, if it is."""

    NONE = ""
    NATIVE = "cancelled natively"
    UPDATE = "cancelled by update"


@dataclass(frozen=True)
class StepScript:
    """The faults of one step's calls, and what a person decides if its undo is parked."""

    words: str
    verb: str = "do"
    do: tuple[Do, ...] = ()
    undo: tuple[Undo, ...] = ()
    choice: Choice = Choice.RETRY


@dataclass(frozen=True)
class Case:
    """One run of a saga: a step, its faults, and what happens during its first call."""

    step: AnyStep
    script: StepScript
    unwound_by: AnyStep | None = None
    """The step whose answers are all lost, so that there is something to undo."""
    cancel: Cancel = Cancel.NONE
    crash: bool = False

    def __str__(self) -> str:
        """The case as text: `hotel: its answer is lost once, cancelled by update, the worker crashes`."""
        extras = [str(self.cancel)] if self.cancel else []
        extras += ["the worker crashes"] if self.crash else []
        return ", ".join([f"{self.step.name}: {self.script.words}", *extras])

    def arrange(self, world: World) -> None:
        """Configure a world for this case."""
        if self.unwound_by is not None:
            world.given(self.unwound_by, do=[Do.LOST])
        world.given(self.step, do=self.script.do, undo=self.script.undo)


DO_SCRIPTS = (
    StepScript("nothing goes wrong"),
    StepScript("it is refused", do=(Do.REFUSE,)),
    StepScript("it fails once", do=(Do.FAULT, Do.OK)),
    StepScript("its answer is lost once", do=(Do.LOST, Do.OK)),
    StepScript("it fails for ever", do=(Do.FAULT,)),
    StepScript("its answer is lost for ever", do=(Do.LOST,)),
)
UNDO_SCRIPTS = (
    StepScript("its undo fails once", "undo", undo=(Undo.FAULT, Undo.OK)),
    StepScript("its undo's answer is lost once", "undo", undo=(Undo.LOST, Undo.OK)),
    StepScript("its undo is final later", "undo", undo=(Undo.REQUESTED, Undo.REQUESTED, Undo.OK)),
    StepScript("its undo is parked and mended", "undo", undo=(Undo.FAULT,)),
    StepScript("its undo is parked and done by hand", "undo", undo=(Undo.FAULT,), choice=Choice.DONE_BY_HAND),
)
PIVOT_SCRIPTS = (
    StepScript("its undo comes too late", "undo", undo=(Undo.TOO_LATE,)),
    StepScript("its undo is parked and it is to stand", "undo", undo=(Undo.FAULT,), choice=Choice.GO_FORWARD),
)


def cases_of(saga: Saga[Any]) -> list[Case]:
    """All cases of a saga. Faults of an undo happen while the saga unwinds."""
    return list(_cases(saga))


def _cases(saga: Saga[Any]) -> Iterator[Case]:
    last = [step for step in saga.steps if step.kind in (Kind.COMPENSATABLE, Kind.PIVOT)][-1:]
    for step in saga.steps:
        for script in DO_SCRIPTS:
            yield from _times(step, script)
        if step.undo is None:
            continue
        for script in UNDO_SCRIPTS + (PIVOT_SCRIPTS if step.kind is Kind.PIVOT else ()):
            yield from _times(step, script, *last)


def _times(step: AnyStep, script: StepScript, unwound_by: AnyStep | None = None) -> Iterator[Case]:
    for cancel in Cancel:
        for crash in (False, True):
            yield Case(step, script, unwound_by, cancel, crash)
