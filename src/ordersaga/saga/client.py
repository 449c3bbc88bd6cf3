"""A client for workflows that run a saga and inherit SagaHandlers: how it stands, cancel, what is parked, resolve."""

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
_UNPROCESSED = "UnprocessedUpdate"
"""The type of the server's own refusal."""
_MOST_TIMES = 5
_FIRST_PAUSE = timedelta(milliseconds=200)
_LONGEST_PAUSE = timedelta(seconds=5)


class SagaClient:
    """One saga's run, by its workflow id."""

    def __init__(self, temporal: Client, workflow_id: str) -> None:
        self.handle: WorkflowHandle[Any, Any] = temporal.get_workflow_handle(workflow_id)

    async def status(self, timeout: timedelta = timedelta(seconds=12)) -> SagaView:
        """How it stands, with the attempts and the last error of what the server is retrying right now."""
        view: SagaView = await self.handle.query(SagaHandlers.get_saga, rpc_timeout=timeout)
        pending = PendingActivities.of(await self.handle.describe())
        return replace(view, steps=[replace(step, **pending.changes(step)) for step in view.steps])

    async def parked(self) -> Sequence[StepView]:
        """What cannot finish by itself, and waits for a person."""
        return [step for step in (await self.status()).steps if step.state is StepState.PARKED]

    async def cancel(self, reason: str = "", by: str | None = None) -> Verdict:
        """Cancel it, and wait until it is certain how it ends: `stands` if the cancel came too late."""
        asked = cancel_arguments(reason, by)
        try:
            return Verdict(
                await asked_again(lambda name: self.handle.execute_update(SagaHandlers.request_cancel, asked, id=name))
            )
        except WorkflowUpdateFailedError as refused:
            if not is_too_many(refused):
                raise
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise  # else it has ended, unless there never was such a saga

        async def verdict() -> Verdict | None:
            try:
                return (await self.status()).verdict
            except RPCError as error:
                if error.status not in _NO_ANSWER:
                    raise
                return None  # the server loses a query now and then

        return await read_until_known(verdict)

    async def resolve(self, step: str, choice: Choice, by: str, note: str = "") -> SagaView:
        """Decide on a parked step. Raises DecisionRefused, and nothing is changed then."""
        try:
            decision = Decision(step, choice, by, note)
            return await asked_again(lambda name: self.handle.execute_update(SagaHandlers.resolve, decision, id=name))
        except WorkflowUpdateFailedError as refused:
            raise DecisionRefused(getattr(refused.cause, "message", str(refused.cause))) from None


async def asked_again(update: Callable[[str], Awaitable[T]]) -> T:
    """What an update answers, which is given the id to ask under; asked again where the server turned it away.

    The server does so now and then when many come at once. It says that no worker has seen the update, so that nothing
    has happened; or that it has aborted it, which may have happened or not: then the same id has it happen once.
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
    """What `read` gives, read again at growing pauses for as long as that is None."""
    pauses = growing(_FIRST_PAUSE, _LONGEST_PAUSE)
    while True:
        if (value := await read()) is not None:
            return value
        await asyncio.sleep(next(pauses).total_seconds())


def is_too_many(refused: WorkflowUpdateFailedError) -> bool:
    """Whether a cancel was turned away because others wait for its answer already."""
    return _is_of_type(refused, TooManyCancels.__name__)


def _is_of_type(refused: WorkflowUpdateFailedError, kind: str) -> bool:
    return isinstance(refused.cause, ApplicationError) and refused.cause.type == kind
