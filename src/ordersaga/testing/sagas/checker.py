"""Checks one run for all or nothing: compares how it ended with the effects in the world."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ordersaga.saga import Kind, SagaRun, StepState, Verdict
from ordersaga.testing.sagas.transcript import Line, transcript
from ordersaga.testing.sagas.world import World


@dataclass(frozen=True)
class Ending:
    """How a run ended: its verdict, the state and the effect id of each record, and the events."""

    verdict: Verdict
    states: dict[str, StepState]
    ids: dict[str, str]
    lines: list[Line] = field(default_factory=list)


def ending_of(run: SagaRun[Any], verdict: Verdict) -> Ending:
    """How a run ended, once it has."""
    records = run.records.values()
    states = {each.name: each.state for each in records}
    return Ending(verdict, states, {each.name: str(each.id) for each in records}, transcript(run.events))


_UNFINISHED = (
    StepState.RUNNING,
    StepState.UNDOING,
    StepState.UNDO_REQUESTED,
    StepState.PARKED,
)
_BY_A_PERSON = (StepState.DONE_BY_HAND, StepState.WRITTEN_OFF)
"""States that a person has decided. The world need not match them."""

_MAY_BE_LIVE = (*_BY_A_PERSON, StepState.DONE, StepState.GAVE_UP, StepState.TOO_LATE)
"""The states in which a step may be in effect when the saga stands. A step that was given up has an unknown effect."""


def check(ending: Ending, world: World) -> list[str]:
    """Return what is wrong; an empty list if the run is all or nothing.

    If the saga stands, each done step is live, and nothing else is. If it is undone, nothing is live except what a
    person has decided and steps without an undo.
    """
    return [
        *_unfinished(ending),
        *_unknown_effects(ending, world),
        *_inconsistent(ending, world),
        *dict.fromkeys(world.misuses),
    ]


def _unfinished(ending: Ending) -> Iterator[str]:
    for name, state in ending.states.items():
        if state in _UNFINISHED:
            yield f"it ended {ending.verdict}, and {name} is {state}"


def _unknown_effects(ending: Ending, world: World) -> Iterator[str]:
    for effect_id in world.live:
        if effect_id not in ending.ids.values():
            yield f"{effect_id} is live, but is not an effect of this run"


def _inconsistent(ending: Ending, world: World) -> Iterator[str]:
    live = set(world.live)
    steps = {step.name: step for step in world.saga.steps}
    for name, state in ending.states.items():
        step, is_live = steps[name.partition("[")[0]], ending.ids[name] in live
        if step.kind is Kind.CHECK:
            continue
        if ending.verdict is Verdict.UNDONE:
            has_undo = step.undo is not None or step.undone_by is not None
            if is_live and has_undo and state not in _BY_A_PERSON:
                yield f"it is undone, and {name} ({state}) is live"
        elif state is StepState.DONE and not is_live:
            yield f"it stands, and {name} is done and not live"
        elif is_live and state not in _MAY_BE_LIVE:
            yield f"it stands, and {name} ({state}) is live"
        elif state not in (*_MAY_BE_LIVE, StepState.PENDING):
            yield f"it stands, and {name} is {state}"
