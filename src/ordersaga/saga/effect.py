"""An effect: its id, and the request and the answer of its undo."""

from dataclasses import dataclass
from enum import StrEnum


class UndoOutcome(StrEnum):
    """The possible answers of an undo."""

    UNDONE = "undone"
    NOTHING_TO_UNDO = "nothing_to_undo"
    REQUESTED = "requested"
    """The undo was requested and becomes final later. The engine asks again, at growing intervals, until the answer
    changes."""
    TOO_LATE = "too_late"
    """The effect stands. Only the pivot's undo may give this answer."""


@dataclass(frozen=True)
class UndoRequest:
    """The input of an undo activity: the effect, the reason, and the owner if the saga declares one.

    `first_run` is the id of the first run. If the activity belongs to another run, the saga's run was reset and may
    have lost decisions about this effect.
    """

    id: str
    reason: str = ""
    owner: str = ""
    first_run: str = ""


@dataclass(frozen=True)
class UndoResult:
    """The answer of an undo activity, and the attempt that produced it."""

    outcome: UndoOutcome
    attempts: int = 1
    detail: str = ""


class EffectId(str):
    """The id of one step's effect, and the idempotency key of its do: `{prefix}-{saga key}`, or `…-{instance key}`.

    `key` is the instance's key. It is empty for a step that is done once.
    """

    __slots__ = ("key",)
    key: str

    def __new__(cls, prefix: str, saga_key: str, key: str = "") -> "EffectId":
        effect_id = super().__new__(cls, "-".join([prefix, saga_key, key] if key else [prefix, saga_key]))
        effect_id.key = key
        return effect_id
