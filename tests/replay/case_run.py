"""Where a play is performed: one order in a real shop behind the fault proxy, and what can be done to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory

from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import DecisionChoice, OrderDecision
from ordersaga.orders.executions import recovery_of
from ordersaga.orders.workflows.order import OrderSagaWorkflow
from ordersaga.orders.workflows.watch import WatcherWorkflow
from ordersaga.stack.faults import Fault, FaultProxy
from tests.workflow.environment import OrderEnvironment, until

END_SECONDS = 150.0
"""A parked undo is tried again after a minute."""


@dataclass
class CaseRun:
    """One order on its way to its ending."""

    name: str
    temporal: Client
    env: OrderEnvironment
    proxy: FaultProxy

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The order's workflow."""
        return self.temporal.get_workflow_handle(f"order-{self.name}")

    def stop_faults(self) -> None:
        """From now on nothing goes wrong with this order's calls."""
        self.proxy.faults[:] = [fault for fault in self.proxy.faults if fault.order_id != self.name]


Act = Callable[[CaseRun], Awaitable[object]]


@dataclass(frozen=True)
class RecordedCase:
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

    async def record(self, run: CaseRun) -> WorkflowHistory:
        """Place the order, let everything happen to it, and give its history once it has ended."""
        run.proxy.faults += [replace(fault, order_id=run.name) for fault in self.faults]
        for act in self.before:
            await act(run)
        order = await run.env.order(run.name, **self.order)
        await (run.env.orders.submit_order(order) if self.plain is None else self._start_plain(run, order))
        for act in self.acts:
            await act(run)
        handle = run.temporal.get_workflow_handle(self.workflow.format(name=run.name))
        with suppress(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), END_SECONDS)
        return await handle.fetch_history()

    async def _start_plain(self, run: CaseRun, order: OrderInput) -> None:
        document = json.loads(order.model_dump_json(exclude_none=True)) | dict(self.plain or {})
        queue = run.env.orders.settings.task_queue
        await run.temporal.start_workflow("OrderSagaWorkflow", document, id=run.handle.id, task_queue=queue)


# -- what can happen to an order


async def cancel_by_update(run: CaseRun) -> None:
    """Ask for a cancel, and wait for the verdict."""
    await run.env.orders.cancel_order(run.name, "by update", patience=END_SECONDS)


async def cancel_by_signal(run: CaseRun) -> None:
    """Send the cancel signal."""
    await run.handle.signal(OrderSagaWorkflow.cancel, "by signal")


async def cancel_natively(run: CaseRun) -> None:
    """Cancel the run in Temporal's own way."""
    await run.handle.cancel()


async def parcel_leaves(run: CaseRun) -> None:
    """The carrier takes the parcel."""
    await run.env.parcel_leaves(run.name)


async def stop_faults(run: CaseRun) -> None:
    """The services work again."""
    run.stop_faults()


async def stock_was_released(run: CaseRun) -> None:
    """An undo comes before its do, and leaves a tombstone."""
    await run.env.services.inventory.release(f"rsv-{run.name}", "", 5)


async def terminate(run: CaseRun) -> None:
    """Somebody terminates the run."""
    await run.handle.terminate("by accident")


async def watch(run: CaseRun) -> None:
    """The watcher makes rounds until it has found the order and had it recovered."""
    queue, rounds = run.env.orders.settings.task_queue, count(1)

    async def recovered() -> bool:
        run_id = f"round-{next(rounds)}-{run.name}"
        await run.temporal.execute_workflow(WatcherWorkflow.run, id=run_id, task_queue=queue)
        description = await run.handle.describe()
        return await recovery_of(run.temporal, description) is not None

    await until(recovered)


def decide(choice: DecisionChoice, note: str = "") -> Act:
    """A person decides."""

    async def decided(run: CaseRun) -> None:
        await run.env.orders.resolve(run.name, OrderDecision(choice=choice, by="Ada", note=note))

    return decided


def together(*acts: Act) -> Act:
    """Acts that happen at the same time."""

    async def all_of_them(run: CaseRun) -> None:
        await asyncio.gather(*(act(run) for act in acts))

    return all_of_them


# -- what can be waited for


async def a_fault(run: CaseRun) -> None:
    """Until a fault has happened to the order."""

    async def fired() -> bool:
        return bool(run.proxy.fired(order_id=run.name))

    await until(fired)


async def a_person_is_needed(run: CaseRun) -> None:
    """Until something is parked."""

    async def parked() -> bool:
        return await run.env.orders.get_order_status(run.name) is OrderStatus.NEEDS_ATTENTION

    await until(parked)


async def on_the_worklist(run: CaseRun) -> None:
    """Until the order is listed for a person; a mail that was not sent is so only after the order's end."""

    async def listed() -> bool:
        return run.name in [item.order_id for item in await run.env.orders.worklist()]

    await until(listed)


def books(*states: str) -> Act:
    """Until the books say this of the order."""

    async def reached(run: CaseRun) -> None:
        async def said() -> bool:
            return await run.env.books(run.name) == list(states)

        await until(said)

    return reached
