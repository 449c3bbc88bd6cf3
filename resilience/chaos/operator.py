"""The operator: reads the worklist, and decides on its items."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ordersaga.domain.errors import DecisionRefused
from ordersaga.domain.worklist import Attention, OrderDecision, WorklistItem
from ordersaga.saga import Choice
from resilience.chaos.customers import RETRIED, Customer
from resilience.chaos.environment import ChaosEnvironment
from resilience.chaos.event_log import EventLog

EVERY = 2.0
"""Seconds between two reads of the worklist."""
NAME = "the operator"


class Operator:
    """Decides as planned while there are faults, and retries everything after they have stopped."""

    def __init__(self, customers: Iterable[Customer], env: ChaosEnvironment, event_log: EventLog) -> None:
        self.decisions: list[Choice] = []
        """The decisions that were accepted."""
        self._customers = {customer.record.order_id: customer for customer in customers}
        self._decided: set[str] = set()
        self._env = env
        self._event_log = event_log

    async def run(self) -> None:
        """Read the worklist again and again."""
        while True:
            await asyncio.sleep(EVERY)
            async with asyncio.TaskGroup() as tasks:
                for item in await self.worklist():
                    choice = self._choice(item)
                    if choice is not None:
                        tasks.create_task(self._resolve(item, choice))

    async def worklist(self) -> list[WorklistItem]:
        """The current worklist; empty if it cannot be read."""
        try:
            return await self._env.orders.worklist()
        except RETRIED as error:
            self._event_log.record_error(error, "worklist")
            return []

    def _choice(self, item: WorklistItem) -> Choice | None:
        if item.attention is Attention.CUT_OFF:
            return None  # it waits for the watcher
        if self._env.faults_stopped:
            # An order that completed without its email has ended, and may stay like this.
            return Choice.RETRY if item.attention is Attention.PARKED else None
        planned = self._customers[item.order_id].record.planned.decision
        if item.order_id in self._decided:
            return None
        self._decided.add(item.order_id)
        return planned

    async def _resolve(self, item: WorklistItem, choice: Choice) -> None:
        try:
            for step in await self._waiting(item):
                decision = OrderDecision(choice=choice.value, by=NAME, note=f"ticket {item.order_id}", step=step)
                await self._env.orders.resolve(item.order_id, decision)
                self.decisions.append(choice)
                self._event_log.note("decided", order=item.order_id, choice=choice, step=step)
        except DecisionRefused as refused:  # the step has ended by itself in the meantime
            self._event_log.note("decision refused", order=item.order_id, because=refused)
        except RETRIED as error:
            self._event_log.record_error(error, item.order_id)
        except Exception as error:
            self._customers[item.order_id].unexpected(f"the decision to {choice}", error)

    async def _waiting(self, item: WorklistItem) -> list[str | None]:
        """The steps to decide on; None stands for the only one."""
        if item.attention is Attention.MAIL_NOT_SENT:
            return [None]
        view = await self._env.orders.get_order(item.order_id)
        return [step.name for step in view.steps if step.choices]
