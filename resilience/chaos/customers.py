"""A customer per order, who places and cancels it and has its parcel collected.

Customers retry until they get an answer.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.contracts.shipping import ShipmentEventState, ShipmentState
from ordersaga.domain.errors import OrderConflict, ServiceFault, Unavailable
from ordersaga.domain.order import OrderInput
from ordersaga.orders.workflows.ids import recovery_id, workflow_id
from ordersaga.orders.workflows.steps import SHIP
from resilience.chaos.checks import OrderRecord
from resilience.chaos.environment import ChaosEnvironment
from resilience.chaos.event_log import EventLog
from resilience.chaos.plan import Act, Action, PlannedOrder

T = TypeVar("T")

PAUSE = 0.5
CARRIER_PAUSE = 1.5
"""The pause between two checks of the carrier for a parcel, in seconds. There are many carriers, and they must not add
load."""
CARRIER_SECONDS = 5.0
REASON = "the customer has changed their mind"
RETRIED = (Unavailable, ServiceFault, RPCError)
"""Errors of calls while something is down. Repeating a call does nothing twice."""


class Customer:
    """Does what is planned for one order, and keeps its record."""

    def __init__(self, planned: PlannedOrder, env: ChaosEnvironment, event_log: EventLog) -> None:
        self.record = OrderRecord(planned)
        self._env = env
        self._event_log = event_log
        self._order = planned.order
        self._id = planned.order.order_id
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Place the order, do what is planned, and wait for its end.

        The number of orders in flight is limited. An order whose turn does not come before the faults stop is not
        placed.
        """
        await asyncio.sleep(max(0.0, self.record.planned.at - self._event_log.now))
        async with self._env.turns:
            if not self._env.faults_stopped:
                self.record.begun = True
                try:
                    await self._live()
                except Exception as error:
                    self.unexpected("who places it", error)

    async def _live(self) -> None:
        planned = self.record.planned
        self._env.proxy.faults += planned.faults
        await self._place(self._order)
        self.record.placed_at = self._event_log.note("placed", order=self._id)
        async with asyncio.TaskGroup() as tasks:
            for action in planned.actions:
                tasks.create_task(self._later(action))
            tasks.create_task(self._until_the_end())

    def unexpected(self, who: str, error: Exception) -> None:
        """Record an error that no caller should get."""
        self._event_log.note("unexpected error", order=self._id, who=who, error=repr(error))
        self.record.unexpected_errors.append(f"{who} met {type(error).__name__}: {error}")

    async def _until_the_end(self) -> None:
        try:
            await self._see_the_end()
        except Exception as error:
            self.unexpected("who waits for its end", error)
        self.record.ended_at = self._event_log.note("ended", order=self._id, how=self.record.end)
        self._ended.set()
        self._env.proxy.lift(self._id)

    async def _later(self, action: Action) -> None:
        await asyncio.sleep(action.after)
        try:
            await self._do(action.act)
        except Exception as error:
            self.unexpected(action.act, error)

    async def _do(self, act: Act) -> None:
        match act:
            case Act.PLACE_AGAIN:
                await self._place(self._order)
                await self._see_the_end()
            case Act.PLACE_OTHER:
                await self._place_other()
            case Act.CANCEL_BY_UPDATE:
                answer = await self._retry_until_answered(lambda: self._env.orders.cancel_order(self._id, REASON))
                self.record.answers.append(answer)
                self._event_log.note("cancel answered", order=self._id, outcome=answer.outcome, status=answer.status)
            case Act.CANCEL_BY_SIGNAL:
                handle = self._handle(workflow_id(self._id))
                await self._send(act, lambda: handle.signal("cancel", REASON))
            case Act.CANCEL_NATIVELY:
                await self._send(act, self._handle(workflow_id(self._id)).cancel)
            case Act.TERMINATE:
                await self._terminate()
            case Act.PARCEL_LEAVES:
                await self._parcel_leaves()

    def _handle(self, name: str) -> WorkflowHandle[Any, Any]:
        return self._env.orders.temporal.get_workflow_handle(name)

    async def _place(self, order: OrderInput) -> None:
        self.record.placed.append(await self._retry_until_answered(lambda: self._env.orders.submit_order(order)))

    async def _place_other(self) -> None:
        other = self._order.model_copy(update={"customer_id": f"not-{self._order.customer_id}"})
        try:
            await self._retry_until_answered(lambda: self._env.orders.submit_order(other))
        except OrderConflict:
            self._event_log.note("conflict", order=self._id)
        else:
            self.record.other_content_taken += 1

    async def _see_the_end(self) -> None:
        while True:
            result = await self._retry_until_answered(lambda: self._env.orders.result(self._id))
            if result.status.is_end or not self.record.planned.terminated:
                break
            await asyncio.sleep(PAUSE)  # it waits for the watcher
        self.record.results.append(result)

    async def _terminate(self) -> None:
        for name in (workflow_id(self._id), recovery_id(self._id)):
            handle = self._handle(name)
            if await self._send(Act.TERMINATE, functools.partial(handle.terminate, REASON)):
                return

    async def _send(self, act: Act, send: Callable[[], Awaitable[None]]) -> bool:
        """Send something to a run, and return whether the run was still there."""

        async def unless_ended() -> bool:
            try:
                await send()
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                return False
            return True

        was_sent = await self._retry_until_answered(unless_ended)
        self._event_log.note(act if was_sent else f"{act}: too late", order=self._id)
        return was_sent

    async def _parcel_leaves(self) -> None:
        while not self._ended.is_set():
            parcels = await self._retry_until_answered(self._parcels)
            if any(parcel is not ShipmentState.CREATED for parcel in parcels):
                return
            if parcels:
                try:
                    await self._env.services.shipping.move(
                        SHIP.effect_id(self._id), ShipmentEventState.SHIPPED, CARRIER_SECONDS
                    )
                    self._event_log.note("parcel left", order=self._id)
                except ServiceFault as error:  # it was cancelled at that moment, or the service is down
                    self._event_log.record_error(error, self._id)
            await asyncio.sleep(CARRIER_PAUSE)

    async def _parcels(self) -> list[ShipmentState]:
        return [entry.state async for entry in self._env.services.shipping.shipments(order_id=self._id)]

    async def _retry_until_answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await ask()
            except RETRIED as error:
                self._event_log.record_error(error, self._id)
                await asyncio.sleep(PAUSE)
