"""Runs a recorded case: one order in a real environment behind the fault proxy, and the actions on it."""

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
"""A parked undo is retried after a minute."""


@dataclass
class CaseRun:
    """One order on its way to its end."""

    name: str
    temporal: Client
    env: OrderEnvironment
    proxy: FaultProxy

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The order's workflow."""
        return self.temporal.get_workflow_handle(f"order-{self.name}")

    def stop_faults(self) -> None:
        """Stop all faults of this order's calls."""
        self.proxy.faults[:] = [fault for fault in self.proxy.faults if fault.order_id != self.name]


Act = Callable[[CaseRun], Awaitable[object]]


@dataclass(frozen=True)
class RecordedCase:
    """How an order comes to its end.

    `order` are changes to the usual order, `plain` changes to an order that another SDK starts as plain JSON, without
    search attributes. `before` is done before the order is placed, `acts` afterwards, one after the other. `workflow`
    names the workflow whose history is recorded: the order's.
    """

    order: Mapping[str, Any] = field(default_factory=dict)
    faults: Sequence[Fault] = ()
    acts: Sequence[Act] = ()
    before: Sequence[Act] = ()
    plain: Mapping[str, Any] | None = None
    workflow: str = "order-{name}"

    async def record(self, run: CaseRun) -> WorkflowHistory:
        """Place the order, run all its actions, and return its history once it has ended."""
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


# -- actions


async def cancel_by_update(run: CaseRun) -> None:
    """Request a cancel, and wait for the verdict."""
    await run.env.orders.cancel_order(run.name, "by update", patience=END_SECONDS)


async def cancel_by_signal(run: CaseRun) -> None:
    """Send the cancel signal."""
    await run.handle.signal(OrderSagaWorkflow.cancel, "by signal")


async def cancel_natively(run: CaseRun) -> None:
    """Cancel the run with Temporal's own cancellation."""
    await run.handle.cancel()


async def parcel_leaves(run: CaseRun) -> None:
    """The carrier takes the parcel."""
    await run.env.parcel_leaves(run.name)


async def stop_faults(run: CaseRun) -> None:
    """Make the services work again."""
    run.stop_faults()


async def stock_was_released(run: CaseRun) -> None:
    """Send an undo before its do, so that it leaves a tombstone."""
    await run.env.services.inventory.release(f"rsv-{run.name}", "", 5)


async def terminate(run: CaseRun) -> None:
    """Terminate the run."""
    await run.handle.terminate("by accident")


async def watch(run: CaseRun) -> None:
    """Run rounds of the watcher until it has found the order and recovered it."""
    queue, rounds = run.env.orders.settings.task_queue, count(1)

    async def recovered() -> bool:
        run_id = f"round-{next(rounds)}-{run.name}"
        await run.temporal.execute_workflow(WatcherWorkflow.run, id=run_id, task_queue=queue)
        description = await run.handle.describe()
        return await recovery_of(run.temporal, description) is not None

    await until(recovered)


def decide(choice: DecisionChoice, note: str = "") -> Act:
    """Decide as a person."""

    async def decided(run: CaseRun) -> None:
        await run.env.orders.resolve(run.name, OrderDecision(choice=choice, by="Ada", note=note))

    return decided


def together(*acts: Act) -> Act:
    """Run actions concurrently."""

    async def all_of_them(run: CaseRun) -> None:
        await asyncio.gather(*(act(run) for act in acts))

    return all_of_them


# -- conditions


async def a_fault(run: CaseRun) -> None:
    """Wait until a fault has happened to the order."""

    async def fired() -> bool:
        return bool(run.proxy.fired(order_id=run.name))

    await until(fired)


async def a_person_is_needed(run: CaseRun) -> None:
    """Wait until something is parked."""

    async def parked() -> bool:
        return await run.env.orders.get_order_status(run.name) is OrderStatus.NEEDS_ATTENTION

    await until(parked)


async def on_the_worklist(run: CaseRun) -> None:
    """Wait until the order is on the worklist. If an email was not sent, that is only after the order's end."""

    async def listed() -> bool:
        return run.name in [item.order_id for item in await run.env.orders.worklist()]

    await until(listed)


def books(*states: str) -> Act:
    """Wait until the order's effects have these states."""

    async def reached(run: CaseRun) -> None:
        async def message() -> bool:
            return await run.env.books(run.name) == list(states)

        await until(message)

    return reached
