"""What a run and the tellings of its story share."""

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
    """A run's declaration and subject, what is known of it, and which way it is to go."""

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
            self.registrar.trust()
        self.undoer = Undoer(self.log, policy, self.registrar.keep)
        self.verdict: Verdict | None = None
        self.committed = False
        """Whether the pivot is known to stand, so that there is only forward."""
        self.closing = False
        """Whether the end of a saga that is undone is being written, so that nothing changes it any more."""
        self.cancel_reason: str | None = None
        self.error: str | None = None
        self.refusal: str | None = None
        self.answers: dict[str, Any] = {}
        """What steps have answered, by the names of their records, for whoever asks."""
        self._places = count(1)

    @property
    def wants_out(self) -> bool:
        """Whether the story is to be left because of a cancel."""
        return self.cancel_reason is not None and not self.committed

    def cancel(self, reason: str, by: str | None = None) -> None:
        """Ask to stop and undo everything. The first reason counts; once the end is certain it changes nothing."""
        if self.cancel_reason is None and self.verdict is not Verdict.STANDS and not self.closing:
            self.cancel_reason = reason
            self.log.happened(CancelRequested, reason=reason, by=by)

    def ending(self, verdict: Verdict) -> SagaEnding:
        """How the saga ends, if it ends now like this."""
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
        """The place of the step that is begun now."""
        return next(self._places)
