"""The fast path, as the workflow sees it: first attempts come by the handful, and are told of one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.exceptions import TimeoutError as DeadlineError

from ordersaga.saga.ahead import Failure, Start, Tried, activity_name, answer_of
from ordersaga.saga.calls import explain
from ordersaga.saga.step import Saga, Step

R = TypeVar("R")
S = TypeVar("S")

_MARGIN = timedelta(seconds=1)
"""What the local activity may take beyond its calls."""


@dataclass(frozen=True)
class FirstAttempt(Generic[R]):
    """What came of a step's first attempt, and when."""

    answer: R
    ended: datetime
    failure: Failure | None = None


class FastPath(Generic[S]):
    """The first attempts of a run, and those that have been made and not been told of."""

    def __init__(self, saga: Saga[S], subject: S, patience: timedelta) -> None:
        self._saga, self._subject, self._patience = saga, subject, patience
        self._ahead: dict[str, Tried] = {}
        self._taken_up: datetime

    def began(self, step: Step[Any, Any]) -> datetime | None:
        """When a step was begun, if that has been already."""
        tried = self._ahead.get(step.name)
        return self._at(tried.began) if tried else None

    async def attempt(self, step: Step[Any, R], answers: dict[str, Any]) -> FirstAttempt[R]:
        """The first attempt of a step: made now, and those of the next ones with it, or made with an earlier one's."""
        if step.name not in self._ahead:
            self._taken_up = workflow.now()
            start = Start(step.name, self._patience.total_seconds(), answers)
            self._ahead = {tried.step: tried for tried in await self._run_ahead(start)}
        tried = self._ahead.pop(step.name)
        answer: Any = None
        if tried.failure is None:
            answer = answer_of(step, tried.answer, workflow.payload_converter())
        return FirstAttempt(answer, self._at(tried.ended), tried.failure)

    async def _run_ahead(self, start: Start) -> list[Tried]:
        """What it does is in history only once the workflow task is. If it fails itself, its first step does."""
        limit = 2 * self._patience + _MARGIN
        try:
            tried = await workflow.execute_local_activity(
                activity_name(self._saga),
                args=[self._subject, start],
                result_type=list[Tried],
                start_to_close_timeout=limit,
                schedule_to_close_timeout=limit,
                retry_policy=RetryPolicy(maximum_attempts=1),
                summary=f"first attempts, from {start.step} on",
            )
        except (ActivityError, ApplicationError, DeadlineError) as error:
            return [Tried(start.step, 0, 0, failure=Failure(explain(error)))]
        return tried or [Tried(start.step, 0, 0, failure=Failure("the story did not come to it"))]

    def _at(self, seconds: float) -> datetime:
        return self._taken_up + timedelta(seconds=seconds)
