"""The ways to leave a story. None of them is an Exception, so `except Exception` in a story cannot stop them."""

from __future__ import annotations

from typing import Any

from temporalio import workflow

from ordersaga.saga.outcome import Verdict


class StoryError(RuntimeError):
    """The story does not match its saga's declaration.

    It fails the workflow task, which succeeds once the fixed code is deployed.
    """


class StoryExit(BaseException):
    """Leaves the story and returns to the engine."""


class Misuse(StoryExit):
    """The story does something that its saga does not declare."""


class Refused(StoryExit):
    """The subject was refused. `recorded` says that a fence has stored the refusal, so it cannot change on a retry."""

    def __init__(self, kind: str, message: str, *, recorded: bool = True) -> None:
        super().__init__(message)
        self.kind = kind
        self.recorded = recorded


class NotClaimed(StoryExit):
    """The register has not accepted the subject, so nothing was begun."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Ended(StoryExit):
    """The register already has an end for this saga, from an earlier run or an earlier attempt of this run."""

    def __init__(self, verdict: Verdict, ending: Any) -> None:
        super().__init__(f"it has ended before: {verdict}")
        self.verdict = verdict
        self.ending = ending


class Unwind(StoryExit):
    """The saga cannot continue: a cancel, a fence or an unknown effect. `wanted` marks a cancel."""

    def __init__(self, why: str, wanted: bool = False, refusal: str | None = None) -> None:
        super().__init__(why)
        self.wanted = wanted
        self.refusal = refusal


class StopEarly(StoryExit):
    """The story has gone as far as it can on the fast path."""


class Interrupted(Exception):
    """An activity was ended early, and its answer, if there was one, is lost. It never leaves the engine."""


class Mismatch(Exception):
    """An effect's id belongs to another request, so nobody can tell which one counts. It never leaves the engine."""


class Fault(Exception):
    """A call failed, and whether it had an effect is unknown. It never leaves the engine."""


def check_failure_types() -> None:
    """Raise StoryError, before anything happens, if a bug would fail the workflow and leave its effects in place."""
    definition = getattr(type(workflow.instance()), "__temporal_workflow_definition", None)
    types = getattr(definition, "failure_exception_types", ())
    if any(issubclass(StoryError, each) for each in types):
        names = ", ".join(each.__name__ for each in types)
        raise StoryError(
            f"failure_exception_types=[{names}] would end the run by a bug, and leave its effects in place"
        )
