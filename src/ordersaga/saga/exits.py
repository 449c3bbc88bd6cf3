"""How a story is left. None of these is an Exception, so that `except Exception` in a story cannot stop them."""

from __future__ import annotations

from typing import Any

from temporalio import workflow

from ordersaga.saga.outcome import Verdict


class StoryError(RuntimeError):
    """The story is not the one that its saga declares. It fails the workflow task, and waits for the mended code."""


class StoryExit(BaseException):
    """Leaves the story for the engine."""


class Misuse(StoryExit):
    """The story does what its saga does not declare."""


class Refused(StoryExit):
    """The subject was refused. `recorded` tells a no that a fence has stored from one that may come out differently."""

    def __init__(self, kind: str, message: str, *, recorded: bool = True) -> None:
        super().__init__(message)
        self.kind = kind
        self.recorded = recorded


class NotClaimed(StoryExit):
    """The register has not taken the subject on, so that nothing was begun."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Ended(StoryExit):
    """The register has an end of the saga already, by an earlier run or an earlier attempt of this one."""

    def __init__(self, verdict: Verdict, ending: Any) -> None:
        super().__init__(f"it has ended before: {verdict}")
        self.verdict = verdict
        self.ending = ending


class Unwind(StoryExit):
    """The saga cannot go on: a cancel, a fence or an unknown effect. `wanted` tells a cancel from the others."""

    def __init__(self, why: str, wanted: bool = False, refusal: str | None = None) -> None:
        super().__init__(why)
        self.wanted = wanted
        self.refusal = refusal


class StopEarly(StoryExit):
    """The story has come as far as it comes on the fast path."""


class Interrupted(Exception):
    """An activity was ended early, and its answer, if there was one, is lost. It never leaves the engine."""


class Mismatch(Exception):
    """An effect's id names another request, so that nobody can tell which counts. It never leaves the engine."""


class Fault(Exception):
    """A call failed, and whether it had an effect is unknown. It never leaves the engine."""


def check_failure_types() -> None:
    """Raise StoryError, before anything happens, in a workflow that would be failed by a bug, with its effects live."""
    definition = getattr(type(workflow.instance()), "__temporal_workflow_definition", None)
    types = getattr(definition, "failure_exception_types", ())
    if any(issubclass(StoryError, each) for each in types):
        names = ", ".join(each.__name__ for each in types)
        raise StoryError(
            f"failure_exception_types=[{names}] would end the run by a bug, and leave its effects in place"
        )
