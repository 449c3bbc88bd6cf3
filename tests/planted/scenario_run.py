"""Runs a scenario: an environment with its own services, worker and task queue, and what is found wrong at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from temporalio.client import Client, WorkflowHandle

from ordersaga.audit.books import check_books
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderResult, OrderStatus
from ordersaga.orders import worker
from ordersaga.orders.client import OrderClient
from ordersaga.orders.workflows.order import OrderSagaWorkflow
from ordersaga.settings import SERVICES, load_settings
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from tests.services.harness import serving
from tests.workflow.environment import OrderEnvironment, until

POLICY = {"http_timeout": 2.0, "fast_path": 0.5, "step_deadline": 30.0, "undo_patience": 30.0}


@dataclass
class ScenarioRun:
    """An environment, and the orders of one scenario in it: those whose ids begin with `name`."""

    name: str
    env: OrderEnvironment
    proxy: FaultProxy
    answers: set[str] = field(default_factory=set)
    """Wrong answers of the orders: they contradict each other or what was promised."""

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The order's workflow."""
        return self.env.orders.temporal.get_workflow_handle(f"order-{self.name}")

    def given(self, *faults: Fault) -> None:
        """Set the faults of the order's calls."""
        self.proxy.faults += [replace(fault, order_id=fault.order_id or self.name) for fault in faults]

    async def order(self, name: str = "", *, policy: dict[str, float] | None = None, **changes: Any) -> OrderInput:
        """An order, by default the scenario's, with these changes to the usual policy."""
        return await self.env.order(name or self.name, policy=POLICY | (policy or {}), **changes)

    async def begins(self, **changes: Any) -> None:
        """Place the order."""
        await self.env.orders.submit_order(await self.order(**changes))

    async def ends(self) -> OrderResult:
        """Wait until the order has ended."""
        return await self.env.orders.result(self.name)

    async def ends_within(self, seconds: float) -> bool:
        """Whether the order ends within this time, although it waits for a person."""
        try:
            await asyncio.wait_for(self.ends(), seconds)
        except TimeoutError:
            return False
        return True

    async def ends_or_waits(self) -> bool:
        """Wait until the order has ended, or only waits for a person; returns whether it waits."""

        async def status() -> OrderStatus | None:
            view = await self.env.orders.get_order(self.name)
            waits = view.status is OrderStatus.NEEDS_ATTENTION and all(step.state != "undoing" for step in view.steps)
            return view.status if waits or view.status.is_end else None

        return await until(status) is OrderStatus.NEEDS_ATTENTION

    async def has(self, *states: str) -> None:
        """Wait until the order's effects have these states."""

        async def message() -> bool:
            return await self.env.books(self.name) == list(states)

        await until(message)

    async def meets(self, kind: Kind, call: str) -> None:
        """Wait until a fault has happened and, if the service acts on the call, until it has acted."""

        async def met() -> bool:
            fired = self.proxy.fired(kind, call, self.name)
            return bool(fired) and (not kind.has_effect or fired[-1].status is not None)

        await until(met)

    async def run_scenario(self, scenario: Callable[[ScenarioRun], Awaitable[None]]) -> None:
        """Let everything happen to the orders, and wait until no call is running any more."""
        await scenario(self)

        async def quiet() -> bool:
            return not self.proxy.under_way(self.name)

        await until(quiet)

    async def found(self) -> frozenset[str]:
        """What is wrong with the orders: rule and effect of each violation, and the wrong answers."""
        violations = (await check_books(self.env.orders)).violations
        ours = [each for each in violations if (each.order_id or each.sku or "").startswith(self.name)]
        return frozenset(self.answers | {f"{each.rule} {each.effect or ''}".strip() for each in ours})


@asynccontextmanager
async def open_run(
    temporal: Client, folder: Path, name: str, workflow: type = OrderSagaWorkflow
) -> AsyncIterator[ScenarioRun]:
    """An environment with services in this folder, a proxy in front of them, and a worker that runs this workflow."""
    async with serving(folder) as url, FaultProxy(url) as proxy:
        urls = {f"{service}_url": f"{proxy.url}/{service}" for service in SERVICES}
        settings = load_settings(task_queue=f"planted-{name}", **urls)
        direct = load_settings(**{f"{service}_url": f"{url}/{service}" for service in SERVICES})
        environment_of = OrderEnvironment.open(OrderClient(temporal, settings), direct)
        with patch.object(worker, "WORKFLOWS", _workflows(workflow)):
            async with worker.order_worker(temporal, settings), environment_of as env:
                yield ScenarioRun(name, env, proxy)


def _workflows(workflow: type) -> Iterable[type]:
    return (workflow, *(each for each in worker.WORKFLOWS if each is not OrderSagaWorkflow))


Scenario = Callable[[ScenarioRun], Awaitable[None]]
