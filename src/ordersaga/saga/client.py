"""A client for workflows that run a saga and inherit SagaHandlers: status, cancel, parked steps, decisions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.saga.cancel_requests import TooManyCancels, cancel_arguments
from ordersaga.saga.decisions import Choice, Decision, DecisionRefused
from ordersaga.saga.handlers import SagaHandlers, SagaView, StepView
from ordersaga.saga.outcome import Verdict
from ordersaga.saga.pending_activities import PendingActivities
from ordersaga.saga.step_state import StepState
from ordersaga.saga.waiting import growing

T = TypeVar("T")

_NO_ANSWER = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
NO_ROOM = (RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.UNAVAILABLE, RPCStatusCode.ABORTED)
"""How the server answers updates of which it has too many, and those that it aborts: they may have happened."""
_UNPROCESSED = "UnprocessedUpdate"
"""The error type of an update that the server itself rejects."""
_MOST_TIMES = 5
_FIRST_PAUSE = timedelta(milliseconds=200)
_LONGEST_PAUSE = timedelta(seconds=5)


class SagaClient:
    """One saga's run, addressed by its workflow id."""

    def __init__(self, temporal: Client, workflow_id: str) -> None:
        self.handle: WorkflowHandle[Any, Any] = temporal.get_workflow_handle(workflow_id)

    async def status(self, timeout: timedelta = timedelta(seconds=12)) -> SagaView:
        """The saga's status, with the attempts and the last error of each activity that the server is retrying now."""
        view: SagaView = await self.handle.query(SagaHandlers.get_saga, rpc_timeout=timeout)
        pending = PendingActivities.of(await self.handle.describe())
        return replace(view, steps=[replace(step, **pending.changes(step)) for step in view.steps])

    async def parked(self) -> Sequence[StepView]:
        """The steps that cannot finish by themselves and wait for a person."""
        return [step for step in (await self.status()).steps if step.state is StepState.PARKED]

    async def cancel(self, reason: str = "", by: str | None = None) -> Verdict:
        """Cancel the saga, and wait until it is certain how it ends: `stands` if the cancel came too late."""
        answered = await self._cancel_by_update(cancel_arguments(reason, by))
        if answered is not None:
            return answered

        async def verdict() -> Verdict | None:
            try:
                return (await self.status()).verdict
            except RPCError as error:
                if error.status not in _NO_ANSWER:
                    raise
                return None  # the server sometimes loses a query

        return await read_until_known(verdict)

    async def _cancel_by_update(self, asked: Any) -> Verdict | None:
        """Request the cancel, and wait for the update's answer. None if it has to be read."""
        try:
            return Verdict(
                await retry_rejected_update(
                    lambda name: self.handle.execute_update(SagaHandlers.request_cancel, asked, id=name)
                )
            )
        except WorkflowUpdateFailedError as refused:
            if not is_too_many(refused):
                raise
        except RPCError as error:
            if error.status in NO_ROOM:
                await self._cancel_by_signal(asked)
            elif error.status is not RPCStatusCode.NOT_FOUND:
                raise  # otherwise the saga has ended, or never existed
        return None

    async def _cancel_by_signal(self, asked: Any) -> None:
        """Request the cancel of a saga that may have ended meanwhile."""
        try:
            await self.handle.signal(SagaHandlers.cancel, asked)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def resolve(self, step: str, choice: Choice, by: str, note: str = "") -> SagaView:
        """Decide on a parked step. Raises DecisionRefused; then nothing has changed."""
        try:
            decision = Decision(step, choice, by, note)
            return await retry_rejected_update(
                lambda name: self.handle.execute_update(SagaHandlers.resolve, decision, id=name)
            )
        except WorkflowUpdateFailedError as refused:
            raise DecisionRefused(getattr(refused.cause, "message", str(refused.cause))) from None


async def retry_rejected_update(update: Callable[[str], Awaitable[T]]) -> T:
    """Return an update's answer. Retry with the same update id where the server rejects the update.

    The server sometimes does this under load. Either no worker has seen the update, so nothing has happened, or the
    server aborted it and it may have happened. With the same id it happens only once.
    """
    update_id = _new_id()
    for _ in range(_MOST_TIMES - 1):
        try:
            return await update(update_id)
        except WorkflowUpdateFailedError as refused:
            if not _is_of_type(refused, _UNPROCESSED):
                raise
            update_id = _new_id()
        except RPCError as error:
            if error.status is not RPCStatusCode.ABORTED:
                raise
    return await update(update_id)


def _new_id() -> str:
    return str(uuid4())


async def read_until_known(read: Callable[[], Awaitable[T | None]]) -> T:
    """Call `read` again, at growing pauses, until it returns something other than None."""
    pauses = growing(_FIRST_PAUSE, _LONGEST_PAUSE)
    while True:
        if (value := await read()) is not None:
            return value
        await asyncio.sleep(next(pauses).total_seconds())


def is_too_many(refused: WorkflowUpdateFailedError) -> bool:
    """Return whether a cancel was rejected because too many others are waiting for their answer."""
    return _is_of_type(refused, TooManyCancels.__name__)


def _is_of_type(refused: WorkflowUpdateFailedError, kind: str) -> bool:
    return isinstance(refused.cause, ApplicationError) and refused.cause.type == kind
