"""The parts of a saga that does nothing, for tests of declaring and running it."""

from __future__ import annotations

from temporalio import activity

from ordersaga.saga import EffectId, SagaContext, UndoOutcome, UndoRequest, UndoResult


@activity.defn
async def do(argument: str) -> str:
    """Return the request."""
    return argument


@activity.defn
async def undo(undo: UndoRequest) -> UndoResult:
    """Undo immediately."""
    return UndoResult(UndoOutcome.UNDONE)


def request(subject: str, effect_id: EffectId) -> str:
    """The request of the do: the effect's id."""
    return effect_id


async def story(subject: str, saga: SagaContext[str]) -> None:
    """Do nothing."""
