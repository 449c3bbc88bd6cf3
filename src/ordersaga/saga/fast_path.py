"""The fast path, as the workflow sees it: first attempts are made together, and used one by one."""

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
"""How long a first attempt may take at the most, whatever the policy says. Two of them and the margin have to end
before the SDK heartbeats the workflow task, after eight seconds by default: in a replay, what comes in between two
heartbeats is delivered earlier than it was at first."""

_MARGIN = timedelta(seconds=1)
"""What the local activity may take beyond its calls."""


@dataclass(frozen=True)
class FirstAttempt:
    """What came of a step's first attempt, and when it began and ended."""

    answer: Any
    began: datetime
    ended: datetime
    failure: Failure | None = None


class FastPath(Generic[S]):
    """The first attempts of one telling, and those that have been made and not been used yet."""

    def __init__(self, saga: Saga[S], subject: S, patience: timedelta) -> None:
        self._saga, self._subject, self._patience = saga, subject, min(patience, LONGEST)
        self._made: dict[str, FirstAttempt] = {}
        self._lock = asyncio.Lock()

    @property
    def seconds(self) -> float:
        """How long a first attempt may take."""
        return self._patience.total_seconds()

    def takes(self, step: AnyStep) -> bool:
        """Whether a step's first attempt is made on the fast path."""
        return step.fast_path and self._patience > timedelta(0)

    def began(self, name: str) -> datetime | None:
        """When a step was begun, if that has been already."""
        made = self._made.get(name)
        return made.began if made else None

    @property
    def registers(self) -> bool:
        """Whether the claim, and the end of a happy saga, are written on the fast path."""
        return self._saga.register is not None and self._saga.register.fast_path and self._patience > timedelta(0)

    async def claim(self, checkpoint: Checkpoint) -> FirstAttempt:
        """The first attempt of the claim, and those of the steps with it."""
        await self._make(CLAIM, checkpoint)
        return self._of_register(self._made.pop(CLAIM))

    def closed(self) -> FirstAttempt | None:
        """The first attempt to write the end, if it was made with those of the steps."""
        made = self._made.pop(CLOSE, None)
        return None if made is None else self._of_register(made)

    def _of_register(self, made: FirstAttempt) -> FirstAttempt:
        if made.failure is not None:
            return made
        return FirstAttempt(decode(Standing, made.answer, workflow.payload_converter()), made.began, made.ended)

    async def attempt(self, step: AnyStep, name: str, checkpoint: Checkpoint) -> FirstAttempt:
        """The first attempt of a step: made now, and those of the next ones with it, or made with an earlier one's."""
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
        """What it does is in history only once the workflow task is. If it fails itself, its first step does."""
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
