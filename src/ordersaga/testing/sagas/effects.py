"""The memory of the simulated world: for each id what was done, refused or undone, with the rules of a fence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ordersaga.saga import FENCED, Kind, Step, UndoOutcome, refusal
from ordersaga.testing.sagas.ids import EffectIds
from ordersaga.testing.sagas.script import Do, Undo

AnyStep = Step[Any, Any, *tuple[Any, ...]]

WORLD_REFUSES = "WorldRefuses"
"""The kind of the refusals that a script requests."""


class EffectState(StrEnum):
    """The state of an effect in the world."""

    NONE = "none"
    LIVE = "live"
    REFUSED = "refused"
    UNDONE = "undone"


@dataclass
class Effect:
    """What the world has stored under an id. A tombstone makes it reject a do."""

    id: str
    step: str
    state: EffectState = EffectState.NONE
    tombstone: bool = False
    dos: int = 0
    undos: int = 0


class Effects:
    """All effects that were ever requested, by id.

    A repeated do gets its first answer, a do after its undo is rejected, and an undo of nothing leaves a tombstone.
    """

    def __init__(self, ids: EffectIds) -> None:
        self.ids = ids
        self._effects: dict[str, Effect] = {}

    def __iter__(self) -> Iterator[Effect]:
        return iter(self._effects.values())

    @property
    def live(self) -> list[str]:
        """The ids of the live effects."""
        return [each.id for each in self if each.state is EffectState.LIVE]

    def of(self, effect_id: str) -> Effect:
        """The effect with this id. Raises ValueError for an id of another saga."""
        return self._effects.setdefault(effect_id, Effect(effect_id, self.ids.step_of(effect_id).name))

    def step_of(self, effect: Effect) -> AnyStep:
        """The step that makes the effect."""
        return self.ids.step_of(effect.id)

    def do(self, effect: Effect, *, refuses: bool = False) -> Exception | None:
        """Perform a do once, or return the error that rejects it.

        A check has no effect, and its refusal is not stored.
        """
        step = self.step_of(effect)
        if effect.tombstone or self.ids.is_undone_with_another(step, effect.id, self):
            return refusal("an undo has been there", FENCED)
        refused = refusal("the world says no", WORLD_REFUSES)
        if step.kind is Kind.CHECK:
            return refused if refuses else None
        if effect.state is EffectState.NONE:
            effect.state = EffectState.REFUSED if refuses else EffectState.LIVE
        return refused if effect.state is EffectState.REFUSED else None

    def undo(self, effect: Effect, behavior: Do | Undo = Undo.OK) -> UndoOutcome:
        """Undo an effect if it exists, or answer that it is too late or only requested."""
        if effect.state is not EffectState.LIVE:
            effect.tombstone = True
            return UndoOutcome.UNDONE if effect.state is EffectState.UNDONE else UndoOutcome.NOTHING_TO_UNDO
        if behavior is Undo.TOO_LATE:
            return UndoOutcome.TOO_LATE
        effect.tombstone = True
        if behavior is Undo.REQUESTED:
            return UndoOutcome.REQUESTED
        for each in (effect, *self.ids.undone_with(self.step_of(effect), effect.id, self)):
            each.state = EffectState.UNDONE if each.state is EffectState.LIVE else each.state
        return UndoOutcome.UNDONE
