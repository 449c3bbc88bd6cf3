"""Runs all cases of a saga, several at a time, and returns those that are not all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from temporalio.client import Client

from ordersaga.saga import Policy, Saga
from ordersaga.testing.sagas.case_runner import CaseResult, CaseRunner
from ordersaga.testing.sagas.cases import Case, cases_of
from ordersaga.testing.sagas.server import temporal_client
from ordersaga.testing.sagas.world import World

AT_ONCE = 8
SHORT = Policy(
    call_timeout=timedelta(seconds=5),
    step_deadline=timedelta(seconds=1.5),
    undo_patience=timedelta(seconds=0.8),
    parked_interval=timedelta(seconds=5),
    requested_interval=timedelta(seconds=0.2),
    fast_path=timedelta(seconds=1.4),
)
"""Patient enough for one fault, and not for more."""


async def run_case(
    temporal: Client,
    saga: Saga[Any],
    subject: Any,
    case: Case,
    *,
    world: Callable[[Saga[Any]], World] = World,
    policy: Policy = SHORT,
    key: str = "1",
) -> CaseResult:
    """Run one case in its own world. `key` is the saga key of its effects."""
    return await CaseRunner(temporal, saga, subject, world(saga), policy, key).run(case)


async def run_sweep(
    saga: Saga[Any],
    subject: Any,
    *,
    cases: Iterable[Case] | None = None,
    temporal: Client | None = None,
    world: Callable[[Saga[Any]], World] = World,
    policy: Policy = SHORT,
    key: str = "1",
    at_once: int = AT_ONCE,
) -> list[CaseResult]:
    """Run the cases of a saga, by default all, and return those in which something is wrong.

    Without a client it uses the server at TEMPORAL_ADDRESS or starts one. `world` makes the world of a case; pass it to
    set ids and answers. Print a result to read it.
    """
    turns = asyncio.Semaphore(at_once)
    async with AsyncExitStack() as stack:
        client = temporal if temporal is not None else await stack.enter_async_context(temporal_client())

        async def take_turn(case: Case) -> CaseResult:
            async with turns:
                return await run_case(client, saga, subject, case, world=world, policy=policy, key=key)

        async with asyncio.TaskGroup() as group:
            runs = [group.create_task(take_turn(case)) for case in (cases_of(saga) if cases is None else cases)]
    return [run.result() for run in runs if run.result().problems]
