"""The parts of a saga that does nothing, for tests of how it is declared and driven."""

from __future__ import annotations

from temporalio import activity

from ordersaga.saga import EffectId, SagaContext, UndoOutcome, UndoRequest, UndoResult


@activity.defn
async def do(argument: str) -> str:
    """Answer what was asked."""
    return argument


@activity.defn
async def undo(undo: UndoRequest) -> UndoResult:
    """Undo it at once."""
    return UndoResult(UndoOutcome.UNDONE)


def request(subject: str, effect_id: EffectId) -> str:
    """What the do is asked: the effect's id."""
    return effect_id


async def story(subject: str, saga: SagaContext[str]) -> None:
    """Nothing."""
