"""The desk: where a person decides on what cannot finish by itself."""

# No postponed annotations here: inside Temporal's sandbox pydantic could not look up what they name.

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


_NOTE = {Choice.DONE_BY_HAND: "a reference, under which it was done", Choice.WRITE_OFF: "a reason"}


@dataclass(frozen=True)
class Decision:
    """What a person decides: on which step, what, who it is, and a reference or reason."""

    step: str
    choice: Choice
    by: str
    note: str = ""

    def __str__(self) -> str:
        return f"{self.choice.replace('_', ' ')} by {self.by}" + (f": {self.note}" if self.note else "")


class DecisionRefused(ValueError):
    """A decision that cannot be taken. Nothing was changed."""


class Desk:
    """The parked steps, and the decisions on them that have not been carried out yet."""

    def __init__(self, pivot: str | None) -> None:
        self._pivot = pivot
        self._parked: dict[str, bool] = {}
        self._decisions: dict[str, Decision] = {}

    def park(self, step: str, *, undoing: bool) -> None:
        """A step waits for a decision: its undo, or its do."""
        self._parked[step] = undoing

    def leave(self, step: str) -> None:
        """A step waits no more."""
        self._parked.pop(step, None)
        self._decisions.pop(step, None)

    def is_parked(self, step: str) -> bool:
        """Whether the step waits for a decision."""
        return step in self._parked

    def has_decision(self, step: str) -> bool:
        """Whether a decision on the step waits to be carried out."""
        return step in self._decisions

    def check(self, decision: Decision) -> None:
        """Raise DecisionRefused unless the decision can be taken now."""
        step = decision.step
        if not self.is_parked(step):
            waiting = ", ".join(self._parked) or "nothing"
            raise DecisionRefused(f"{step} waits for no decision ({waiting} does). Nothing was changed.")
        if self.has_decision(step):
            raise DecisionRefused(f"{step} has just been decided: {self._decisions[step]}. Nothing was changed.")
        if not decision.by.strip():
            raise DecisionRefused("A decision needs the name of who takes it. Nothing was changed.")
        if not decision.note.strip() and decision.choice in _NOTE:
            words = decision.choice.replace("_", " ")
            raise DecisionRefused(f"To decide {words!r} give {_NOTE[decision.choice]}. Nothing was changed.")
        if decision.choice is Choice.GO_FORWARD and not (step == self._pivot and self._parked[step]):
            raise DecisionRefused(f"Only the undo of {self._pivot} decides which way it goes. Nothing was changed.")

    def decide(self, decision: Decision) -> None:
        """Take a decision. Raises DecisionRefused."""
        self.check(decision)
        self._decisions[decision.step] = decision

    def take(self, step: str) -> Decision | None:
        """The decision on a step, to be carried out now."""
        return self._decisions.pop(step, None)
