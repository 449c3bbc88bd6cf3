"""The fast path in the workflow: the first attempts run together, and the workflow applies their results one by one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.exceptions import TimeoutError as DeadlineError

from ordersaga.saga.activity_calls import explain
from ordersaga.saga.definition import AnyStep, Saga
from ordersaga.saga.first_attempts import AttemptOutcome, Checkpoint, Failure, activity_name, decode, decode_answer
from ordersaga.saga.register import CLAIM, CLOSE, Standing

S = TypeVar("S")

LONGEST = timedelta(seconds=3)
"""The longest timeout of a first attempt, whatever the policy says. Two of them and the margin must end before the SDK
heartbeats the workflow task, by default after eight seconds. Otherwise a replay would deliver what arrives between two
heartbeats earlier than the first time."""

_MARGIN = timedelta(seconds=1)
"""The time that the local activity may take in addition to its calls."""


@dataclass(frozen=True)
class FirstAttempt:
    """The result of a step's first attempt, with its start and end."""

    answer: Any
    began: datetime
    ended: datetime
    failure: Failure | None = None


class FastPath(Generic[S]):
    """The first attempts for one run through the story, and their results that have not been used yet."""

    def __init__(self, saga: Saga[S], subject: S, patience: timedelta) -> None:
        self._saga, self._subject, self._patience = saga, subject, min(patience, LONGEST)
        self._made: dict[str, FirstAttempt] = {}
        self._lock = asyncio.Lock()

    @property
    def seconds(self) -> float:
        """The timeout of a first attempt, in seconds."""
        return self._patience.total_seconds()

    def takes(self, step: AnyStep) -> bool:
        """Return whether a step's first attempt runs on the fast path."""
        return step.fast_path and self._patience > timedelta(0)

    def began(self, name: str) -> datetime | None:
        """When a step began, if it has begun."""
        made = self._made.get(name)
        return made.began if made else None

    @property
    def registers(self) -> bool:
        """Whether the claim, and the end of a saga without failures, are written on the fast path."""
        return self._saga.register is not None and self._saga.register.fast_path and self._patience > timedelta(0)

    async def claim(self, checkpoint: Checkpoint) -> FirstAttempt:
        """Make the first attempt of the claim, together with those of the steps."""
        await self._make(CLAIM, checkpoint)
        return self._of_register(self._made.pop(CLAIM))

    def closed(self) -> FirstAttempt | None:
        """The first attempt to write the end, if it ran together with those of the steps."""
        made = self._made.pop(CLOSE, None)
        return None if made is None else self._of_register(made)

    def _of_register(self, made: FirstAttempt) -> FirstAttempt:
        if made.failure is not None:
            return made
        return FirstAttempt(decode(Standing, made.answer, workflow.payload_converter()), made.began, made.ended)

    async def attempt(self, step: AnyStep, name: str, checkpoint: Checkpoint) -> FirstAttempt:
        """The first attempt of a step.

        It runs now, together with those of the next steps, or has run with an earlier one.
        """
        async with self._lock:
            if name not in self._made:
                await self._make(name, checkpoint)
            made = self._made.pop(name)
        if made.failure is not None:
            return made
        answer = decode_answer(step, made.answer, workflow.payload_converter())
        return FirstAttempt(answer, made.began, made.ended)

    async def _make(self, name: str, checkpoint: Checkpoint) -> None:
        zero = workflow.now()
        outcomes = await self._run_activity(name, checkpoint)
        if name not in [each.step for each in outcomes]:
            outcomes = [*outcomes, AttemptOutcome(name, 0, 0, failure=Failure("the story did not come to it"))]
        for each in outcomes:
            began, ended = (zero + timedelta(seconds=seconds) for seconds in (each.began, each.ended))
            self._made[each.step] = FirstAttempt(each.answer, began, ended, each.failure)

    async def _run_activity(self, name: str, checkpoint: Checkpoint) -> list[AttemptOutcome]:
        """Run the activity.

        Its results are in history only once the workflow task is. If it fails, its first step fails.
        """
        limit = 2 * self._patience + _MARGIN
        try:
            outcomes: list[AttemptOutcome] = await workflow.execute_local_activity(
                activity_name(self._saga),
                args=[self._subject, checkpoint],
                result_type=list[AttemptOutcome],
                start_to_close_timeout=limit,
                schedule_to_close_timeout=limit,
                retry_policy=RetryPolicy(maximum_attempts=1),
                summary=f"first attempts, from {name} on",
            )
            return outcomes
        except (ActivityError, ApplicationError, DeadlineError) as error:
            return [AttemptOutcome(name, 0, 0, failure=Failure(explain(error)))]
