"""The state that a run shares with each run through its story."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Generic, TypeVar

from ordersaga.saga.definition import Policy, Saga
from ordersaga.saga.events import CancelRequested, SagaEvent
from ordersaga.saga.inbox import Inbox
from ordersaga.saga.outcome import Verdict
from ordersaga.saga.register import SagaEnding
from ordersaga.saga.registrar import Registrar
from ordersaga.saga.run_log import RunLog
from ordersaga.saga.step_state import StepRecord
from ordersaga.saga.undoing import Undoer

S = TypeVar("S")


class RunState(Generic[S]):
    """A run's declaration and subject, what is known about it, and in which direction it goes."""

    def __init__(
        self,
        saga: Saga[S],
        subject: S,
        key: str,
        policy: Policy,
        records: list[StepRecord],
        on_event: Callable[[SagaEvent], None],
        *,
        claimed: bool = False,
    ) -> None:
        self.saga, self.subject, self.key, self.policy = saga, subject, key, policy
        self.log = RunLog(records, on_event, saga.pivot.name if saga.pivot else "the pivot")
        self.inbox = Inbox(self.log, subject, lambda: self.committed)
        self.registrar = Registrar(self, saga.register)
        if claimed:
            self.registrar.mark_claimed()
        self.undoer = Undoer(self.log, policy, self.registrar.keep)
        self.verdict: Verdict | None = None
        self.committed = False
        """Whether the pivot is known to stand, so that the saga can only go forward."""
        self.closing = False
        """Whether the run is writing that the saga was undone. Nothing can change that any more."""
        self.cancel_reason: str | None = None
        self.error: str | None = None
        self.refusal: str | None = None
        self.answers: dict[str, Any] = {}
        """The answers of the steps, by the names of their records, for callers."""
        self._places = count(1)

    @property
    def must_cancel(self) -> bool:
        """Whether the story must be left because of a cancel."""
        return self.cancel_reason is not None and not self.committed

    def cancel(self, reason: str, by: str | None = None) -> None:
        """Request that the saga stops and undoes everything.

        The first reason counts. Has no effect once the end is certain.
        """
        if self.cancel_reason is None and self.verdict is not Verdict.STANDS and not self.closing:
            self.cancel_reason = reason
            self.log.happened(CancelRequested, reason=reason, by=by)

    def ending(self, verdict: Verdict) -> SagaEnding:
        """The ending of the saga if it ended now with this verdict."""
        return SagaEnding(
            key=self.key,
            verdict=verdict,
            cancelled=verdict is Verdict.UNDONE and self.cancel_reason is not None,
            error=self.error,
            refusal=self.refusal,
            cancel_reason=self.cancel_reason,
            steps=list(self.log.records.values()),
            answers=self.answers,
            events=self.log.events,
            decided=self.log.decided,
        )

    def next_place(self) -> int:
        """The next step's place in the order of starting."""
        return next(self._places)
