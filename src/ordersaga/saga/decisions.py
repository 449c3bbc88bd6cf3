"""What a person decides on what cannot finish by itself, until it is carried out."""

# No postponed annotations here: inside Temporal's sandbox a data converter could not look up what they name.

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Choice(StrEnum):
    """What a person may decide on a parked step."""

    RETRY = "retry"
    """Try again now."""
    DONE_BY_HAND = "done_by_hand"
    """It has been done outside, under the reference in the note."""
    WRITE_OFF = "write_off"
    """It will not be done, for the reason in the note."""
    GO_FORWARD = "go_forward"
    """Only on the pivot's undo: its effect stands, so go forward."""


BY_A_PERSON = (Choice.RETRY, Choice.DONE_BY_HAND, Choice.WRITE_OFF)
"""What may be decided on an undo, and on a do once the pivot stands."""
UNDO_OF_PIVOT = (*BY_A_PERSON, Choice.GO_FORWARD)
DO_BEFORE_PIVOT = (Choice.RETRY,)
"""A cancel is the other way out: it undoes everything."""

_NOTE = {Choice.DONE_BY_HAND: "a reference, under which it was done", Choice.WRITE_OFF: "a reason"}


@dataclass(frozen=True)
class Decision:
    """What a person decides: on which step, what, who it is, and a reference or reason."""

    step: str
    choice: Choice
    by: str
    note: str = ""


class DecisionRefused(ValueError):
    """A decision that cannot be taken. Nothing was changed."""


class PendingDecisions:
    """The steps that wait for a person, and the decisions on them that have not been carried out yet."""

    def __init__(self, pivot: str = "the pivot") -> None:
        self._pivot = pivot
        self._waiting: dict[str, Sequence[Choice]] = {}
        self._decisions: dict[str, Decision] = {}
        self._overtaken: dict[str, str] = {}
        self._retrying: set[str] = set()

    @property
    def waiting(self) -> list[str]:
        """The steps that wait for a person."""
        return list(self._waiting)

    def open(self, step: str, choices: Sequence[Choice] = BY_A_PERSON) -> None:
        """From now on a person may decide on this step, and has these choices."""
        self._waiting[step] = choices

    def close(self, step: str, because: str) -> None:
        """A step waits no more. A decision on it that was not carried out is overtaken, and whoever sent it is told."""
        self._waiting.pop(step, None)
        if self._decisions.pop(step, None) is not None:
            self._overtaken[step] = because

    def rule_out_going_forward(self) -> None:
        """From now on nobody may decide that the pivot stands."""
        self._waiting = {
            step: [choice for choice in choices if choice is not Choice.GO_FORWARD]
            for step, choices in self._waiting.items()
        }

    def is_open(self, step: str) -> bool:
        """Whether a person may decide on the step."""
        return step in self._waiting

    def choices(self, step: str) -> list[Choice]:
        """What a person may decide on the step now."""
        if not self.is_open(step) or self.has(step):
            return []
        return list(self._waiting[step])

    def has(self, step: str) -> bool:
        """Whether a decision on the step waits to be carried out."""
        return step in self._decisions

    def check(self, decision: Decision) -> None:
        """Raise DecisionRefused unless the decision can be taken now."""
        step = decision.step
        if not self.is_open(step):
            waiting = ", ".join(self._waiting) or "nothing"
            raise DecisionRefused(f"{step} waits for no decision ({waiting} does). Nothing was changed.")
        if self.has(step):
            just = self._decisions[step]
            words = just.choice.replace("_", " ")
            raise DecisionRefused(f"{step} has just been decided: {words} by {just.by}. Nothing was changed.")
        if not decision.by.strip():
            raise DecisionRefused("A decision needs the name of who takes it. Nothing was changed.")
        if not decision.note.strip() and decision.choice in _NOTE:
            words = decision.choice.replace("_", " ")
            raise DecisionRefused(f"To decide {words!r} give {_NOTE[decision.choice]}. Nothing was changed.")
        if decision.choice not in self._waiting[step]:
            if decision.choice is Choice.GO_FORWARD:
                raise DecisionRefused(f"Only the undo of {self._pivot} decides which way it goes. Nothing was changed.")
            raise DecisionRefused(
                f"{step} can be tried again, or everything be undone by a cancel. Nothing was changed by the decision."
            )

    def add(self, decision: Decision) -> None:
        """Take a decision. Raises DecisionRefused."""
        self.check(decision)
        self._overtaken.pop(decision.step, None)
        self._decisions[decision.step] = decision

    def waiting_for(self, step: str) -> Decision:
        """The decision on a step that waits to be carried out. It goes on waiting, so that no other one is taken."""
        return self._decisions[step]

    def take(self, step: str) -> Decision:
        """The decision on a step, to be carried out now."""
        decision = self._decisions.pop(step)
        if decision.choice is Choice.RETRY:
            self._retrying.add(step)
        return decision

    def is_retrying(self, step: str) -> bool:
        """Whether somebody waits for what comes of an attempt."""
        return step in self._retrying

    def retried(self, step: str) -> None:
        """An attempt has ended."""
        self._retrying.discard(step)

    def overtaken(self, step: str) -> str | None:
        """Why the last decision on a step was not carried out, if it was not."""
        return self._overtaken.get(step)
