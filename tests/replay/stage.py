"""Where a play is performed: one order in a real shop behind the fault proxy, and what can be done to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Literal

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory

from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import OrderDecision
from ordersaga.endings import settlement_of
from ordersaga.testing.faults import Fault, FaultProxy
from ordersaga.workflows.order import OrderSagaWorkflow
from ordersaga.workflows.watch import WatcherWorkflow
from tests.workflow.shop import Shop, until

END_SECONDS = 150.0
"""A parked undo is tried again after a minute."""


@dataclass
class Stage:
    """One order on its way to its ending."""

    name: str
    temporal: Client
    shop: Shop
    proxy: FaultProxy

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The order's workflow."""
        return self.temporal.get_workflow_handle(f"order-{self.name}")

    def heal(self) -> None:
        """From now on nothing goes wrong with this order's calls."""
        self.proxy.faults[:] = [fault for fault in self.proxy.faults if fault.order_id != self.name]


Choice = Literal["retry", "done_by_hand", "write_off", "go_forward"]
Act = Callable[[Stage], Awaitable[object]]


@dataclass(frozen=True)
class Play:
    """How an order comes to its ending.

    `order` is what differs from the usual order, `plain` what differs in an order that is started as plain JSON by
    another SDK, without search attributes. `before` is done before the order is placed, `acts` afterwards, one after
    the other. `workflow` names the workflow whose history is kept: the order's.
    """

    order: Mapping[str, Any] = field(default_factory=dict)
    faults: Sequence[Fault] = ()
    acts: Sequence[Act] = ()
    before: Sequence[Act] = ()
    plain: Mapping[str, Any] | None = None
    workflow: str = "order-{name}"

    async def perform(self, stage: Stage) -> WorkflowHistory:
        """Place the order, let everything happen to it, and give its history once it has ended."""
        stage.proxy.faults += [replace(fault, order_id=stage.name) for fault in self.faults]
        for act in self.before:
            await act(stage)
        order = await stage.shop.order(stage.name, **self.order)
        await (stage.shop.orders.submit_order(order) if self.plain is None else self._start_plain(stage, order))
        for act in self.acts:
            await act(stage)
        handle = stage.temporal.get_workflow_handle(self.workflow.format(name=stage.name))
        with suppress(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), END_SECONDS)
        return await handle.fetch_history()

    async def _start_plain(self, stage: Stage, order: OrderInput) -> None:
        document = json.loads(order.model_dump_json(exclude_none=True)) | dict(self.plain or {})
        queue = stage.shop.orders.settings.task_queue
        await stage.temporal.start_workflow("OrderSagaWorkflow", document, id=stage.handle.id, task_queue=queue)


# -- what can happen to an order


async def cancel_by_update(stage: Stage) -> None:
    """Ask for a cancel, and wait for the verdict."""
    await stage.shop.orders.cancel_order(stage.name, "by update", patience=END_SECONDS)


async def cancel_by_signal(stage: Stage) -> None:
    """Send the cancel signal."""
    await stage.handle.signal(OrderSagaWorkflow.cancel, "by signal")


async def cancel_natively(stage: Stage) -> None:
    """Cancel the run in Temporal's own way."""
    await stage.handle.cancel()


async def parcel_leaves(stage: Stage) -> None:
    """The carrier takes the parcel."""
    await stage.shop.parcel_leaves(stage.name)


async def heal(stage: Stage) -> None:
    """The services work again."""
    stage.heal()


async def stock_was_released(stage: Stage) -> None:
    """An undo comes before its do, and leaves a tombstone."""
    await stage.shop.services.inventory.release(f"rsv-{stage.name}", "", 5)


async def terminate(stage: Stage) -> None:
    """Somebody terminates the run."""
    await stage.handle.terminate("by accident")


async def watch(stage: Stage) -> None:
    """The watcher makes rounds until it has found the order and had it settled."""
    queue, rounds = stage.shop.orders.settings.task_queue, count(1)

    async def settled() -> bool:
        run_id = f"round-{next(rounds)}-{stage.name}"
        await stage.temporal.execute_workflow(WatcherWorkflow.run, id=run_id, task_queue=queue)
        description = await stage.handle.describe()
        return await settlement_of(stage.temporal, description) is not None

    await until(settled)


def decide(choice: Choice, note: str = "") -> Act:
    """A person decides."""

    async def decided(stage: Stage) -> None:
        await stage.shop.orders.resolve(stage.name, OrderDecision(choice=choice, by="Ada", note=note))

    return decided


def together(*acts: Act) -> Act:
    """Acts that happen at the same time."""

    async def all_of_them(stage: Stage) -> None:
        await asyncio.gather(*(act(stage) for act in acts))

    return all_of_them


# -- what can be waited for


async def a_fault(stage: Stage) -> None:
    """Until a fault has happened to the order."""

    async def fired() -> bool:
        return bool(stage.proxy.fired(order_id=stage.name))

    await until(fired)


async def a_person_is_needed(stage: Stage) -> None:
    """Until something is parked."""

    async def parked() -> bool:
        return await stage.shop.orders.get_order_status(stage.name) is OrderStatus.NEEDS_ATTENTION

    await until(parked)


async def on_the_worklist(stage: Stage) -> None:
    """Until the order is listed for a person; a mail that was not sent is so only after the order's end."""

    async def listed() -> bool:
        return stage.name in [item.order_id for item in await stage.shop.orders.worklist()]

    await until(listed)


def books(*states: str) -> Act:
    """Until the books say this of the order."""

    async def reached(stage: Stage) -> None:
        async def said() -> bool:
            return await stage.shop.books(stage.name) == list(states)

        await until(said)

    return reached
