"""People's decisions on steps that cannot finish by themselves, until the decisions are carried out."""

# No postponed annotations here: inside Temporal's sandbox, a data converter could not resolve them.

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Choice(StrEnum):
    """What a person may decide on a parked step."""

    RETRY = "retry"
    """Try again now."""
    DONE_BY_HAND = "done_by_hand"
    """It was done outside the saga. The note holds the reference."""
    WRITE_OFF = "write_off"
    """It will not be done. The note holds the reason."""
    GO_FORWARD = "go_forward"
    """Only for the pivot's undo: its effect stands, so the saga goes forward."""


BY_A_PERSON = (Choice.RETRY, Choice.DONE_BY_HAND, Choice.WRITE_OFF)
"""The choices for an undo, and for a do once the pivot stands."""
UNDO_OF_PIVOT = (*BY_A_PERSON, Choice.GO_FORWARD)
DO_BEFORE_PIVOT = (Choice.RETRY,)
"""The other way out is a cancel, which undoes everything."""

_NOTE = {Choice.DONE_BY_HAND: "a reference, under which it was done", Choice.WRITE_OFF: "a reason"}


@dataclass(frozen=True)
class Decision:
    """A person's decision: the step, the choice, who decided, and a reference or reason."""

    step: str
    choice: Choice
    by: str
    note: str = ""


class DecisionRefused(ValueError):
    """A decision that cannot be accepted. Nothing was changed."""


class PendingDecisions:
    """The steps that wait for a person, and decisions on them that have not been carried out yet."""

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
        """Allow decisions on this step, with these choices."""
        self._waiting[step] = choices

    def close(self, step: str, because: str) -> None:
        """Stop waiting for a decision on a step.

        The sender of a decision that was not carried out gets an error with the reason.
        """
        self._waiting.pop(step, None)
        if self._decisions.pop(step, None) is not None:
            self._overtaken[step] = because

    def rule_out_going_forward(self) -> None:
        """From now on, reject the decision that the pivot stands."""
        self._waiting = {
            step: [choice for choice in choices if choice is not Choice.GO_FORWARD]
            for step, choices in self._waiting.items()
        }

    def is_open(self, step: str) -> bool:
        """Return whether a person may decide on the step."""
        return step in self._waiting

    def choices(self, step: str) -> list[Choice]:
        """The choices that a person has for the step now."""
        if not self.is_open(step) or self.has(step):
            return []
        return list(self._waiting[step])

    def has(self, step: str) -> bool:
        """Return whether a decision on the step has not been carried out yet."""
        return step in self._decisions

    def check(self, decision: Decision) -> None:
        """Raise DecisionRefused unless the decision is acceptable now."""
        step = decision.step
        if not self.is_open(step):
            waiting = ", ".join(self._waiting) or "nothing"
            raise DecisionRefused(f"{step} waits for no decision ({waiting} does). Nothing was changed.")
        if self.has(step):
            just = self._decisions[step]
            choice_text = just.choice.replace("_", " ")
            raise DecisionRefused(f"{step} has just been decided: {choice_text} by {just.by}. Nothing was changed.")
        if not decision.by.strip():
            raise DecisionRefused("A decision needs the name of who takes it. Nothing was changed.")
        if not decision.note.strip() and decision.choice in _NOTE:
            choice_text = decision.choice.replace("_", " ")
            raise DecisionRefused(f"To decide {choice_text!r} give {_NOTE[decision.choice]}. Nothing was changed.")
        if decision.choice not in self._waiting[step]:
            if decision.choice is Choice.GO_FORWARD:
                raise DecisionRefused(f"Only the undo of {self._pivot} decides which way it goes. Nothing was changed.")
            raise DecisionRefused(
                f"{step} can be tried again, or everything be undone by a cancel. Nothing was changed by the decision."
            )

    def add(self, decision: Decision) -> None:
        """Add a decision. Raises DecisionRefused."""
        self.check(decision)
        self._overtaken.pop(decision.step, None)
        self._decisions[decision.step] = decision

    def waiting_for(self, step: str) -> Decision:
        """The pending decision on a step. It stays pending, so that no other decision is accepted."""
        return self._decisions[step]

    def take(self, step: str) -> Decision:
        """Remove and return the decision on a step, to carry it out now."""
        decision = self._decisions.pop(step)
        if decision.choice is Choice.RETRY:
            self._retrying.add(step)
        return decision

    def is_retrying(self, step: str) -> bool:
        """Return whether a person is waiting for the result of an attempt."""
        return step in self._retrying

    def retried(self, step: str) -> None:
        """Record that an attempt has ended."""
        self._retrying.discard(step)

    def overtaken(self, step: str) -> str | None:
        """Why the last decision on a step was not carried out; None if it was."""
        return self._overtaken.get(step)
