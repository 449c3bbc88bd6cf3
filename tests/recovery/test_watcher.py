"""The watcher: it looks after its own queue only, errors do not end its rounds, and wedged runs are found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.contracts.register import Attention as AttentionRecord
from ordersaga.contracts.register import ProgressRequest
from ordersaga.domain.errors import DecisionRefused, VerdictPending, WorkerUnavailable
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention, OrderDecision, WatcherRound
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.recovery import recoveries, watcher
from ordersaga.orders.worker import order_worker
from ordersaga.orders.workflows import handlers
from ordersaga.orders.workflows.ids import order_id_of, workflow_id
from ordersaga.orders.workflows.story import ORDER_SAGA
from ordersaga.orders.workflows.watch import WatcherWorkflow
from ordersaga.saga import Saga, SagaContext
from ordersaga.settings import Settings
from ordersaga.stack.dev_server import temporal_server
from tests.workflow.environment import OrderEnvironment, place_document, until

WEDGED_AT_ONCE = "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=1"
HELD = {"hold_before_shipping": 300}


@pytest.fixture(scope="module")
async def bare() -> AsyncIterator[Client]:
    """A server without our search attributes, which calls a run wedged at its first failure."""
    async with temporal_server("--dynamic-config-value", WEDGED_AT_ONCE) as address:
        yield await connect(target_host=address)


@pytest.fixture
async def orders_cut_off(env: OrderEnvironment, order_id: str) -> list[str]:
    """Orders whose runs were terminated and that have been recovered since."""
    names = [f"{order_id}-{number}" for number in range(3)]
    for name in names:
        await held(env, env.orders, name)
        await cut_off(env.orders, name)
    await one_round(env.orders, order_id)
    for name in names:
        await env.orders.result(name)

    async def are_known() -> bool:
        query = 'WorkflowType = "OrderRecoveryWorkflow" AND ExecutionStatus = "Completed"'
        known = {order_id_of(each) async for each in env.orders.temporal.list_workflows(query)}
        return known >= set(names)

    await until(are_known)
    return names


async def one_round(orders: OrderClient, name: str) -> WatcherRound:
    handle = await orders.temporal.start_workflow(
        WatcherWorkflow.run, id=f"watch-{name}", task_queue=orders.settings.task_queue
    )
    watcher_round = await handle.result()
    assert await handle.query(WatcherWorkflow.is_answered)
    return watcher_round


def problems_of(watcher_round: WatcherRound, order_id: str) -> list[str]:
    """A round's problems with one order. Other tests leave orders on the same server."""
    return [each for each in watcher_round.problems if each.startswith(f"{workflow_id(order_id)} ")]


async def held(env: OrderEnvironment, orders: OrderClient, order_id: str) -> None:
    """Place an order, and wait until it is on hold."""
    await orders.submit_order(await env.order(order_id, policy=HELD))

    async def charged() -> bool:
        return await env.books(order_id) == ["held", "captured"]

    await until(charged)


async def cut_off(orders: OrderClient, order_id: str) -> None:
    """Terminate an order's run, and wait until Temporal lists it, so that a round finds it."""
    name = workflow_id(order_id)
    await orders.temporal.get_workflow_handle(name).terminate()

    async def is_listed() -> bool:
        return name in [each.id async for each in orders.temporal.list_workflows(recoveries.CUT_OFF_QUERY)]

    await until(is_listed)


async def reported(env: OrderEnvironment, order_id: str) -> None:
    """Put an order on the register's worklist."""
    standing = await env.orders.register.accept(await env.order(order_id), "another deployment's")
    waits = AttentionRecord(kind=Attention.CUT_OFF, amount_at_risk="44.98", since=standing.accepted_at)
    report = ProgressRequest(
        owner=standing.owner, run_id="watcher", number=0, status=OrderStatus.NEEDS_ATTENTION, attention=waits
    )
    await env.services.register.progress(order_id, report, 5)


async def on_worklist(orders: OrderClient, order_id: str) -> Attention:
    async def find() -> Attention | None:
        return next((item.attention for item in await orders.worklist() if item.order_id == order_id), None)

    watcher_round = await until(find)
    assert watcher_round is not None
    return watcher_round


async def test_a_watcher_leaves_the_orders_of_another_task_queue_alone(
    env: OrderEnvironment, temporal: Client, settings: Settings, order_id: str
) -> None:
    elsewhere = settings.model_copy(update={"task_queue": "another deployment's"})
    orders = OrderClient(temporal, elsewhere)
    async with order_worker(temporal, elsewhere):
        await held(env, orders, order_id)
        await cut_off(orders, order_id)

        assert workflow_id(order_id) not in (await one_round(env.orders, f"{order_id}-ours")).recovered
        assert workflow_id(order_id) in (await one_round(orders, f"{order_id}-theirs")).recovered
        assert (await orders.result(order_id)).status is OrderStatus.FAILED
    assert await env.books(order_id) == ["released", "refunded"]


async def test_orders_are_recovered_and_listed_where_there_are_no_search_attributes(
    env: OrderEnvironment, bare: Client, settings: Settings, order_id: str
) -> None:
    orders = OrderClient(bare, settings)
    async with order_worker(bare, settings):
        await held(env, orders, order_id)
        await cut_off(orders, order_id)
        assert (await orders.get_summary(order_id)).status is OrderStatus.NEEDS_ATTENTION
        watcher_round = await one_round(orders, order_id)
        assert (watcher_round.recovered, problems_of(watcher_round, order_id)) == ([workflow_id(order_id)], [])
        assert (await orders.result(order_id)).status is OrderStatus.FAILED


async def test_an_order_that_cannot_be_recovered_keeps_no_other_waiting(
    env: OrderEnvironment, temporal: Client, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = f"{order_id}-bad", f"{order_id}-good"
    start = recoveries.start_recovery

    async def fails_for_one(*args: Any) -> Any:
        if args[2].order.order_id == bad:
            raise RPCError("the history is corrupt", RPCStatusCode.DATA_LOSS, b"")
        return await start(*args)

    for name in (good, bad):
        await held(env, env.orders, name)
        await cut_off(env.orders, name)
    monkeypatch.setattr(watcher, "start_recovery", fails_for_one)
    watcher_round = await one_round(env.orders, order_id)

    assert workflow_id(good) in watcher_round.recovered
    assert problems_of(watcher_round, bad) == [f"{workflow_id(bad)} cannot be recovered: the history is corrupt"]
    monkeypatch.undo()
    assert await on_worklist(env.orders, bad) is Attention.CUT_OFF
    assert good not in [item.order_id for item in await env.orders.worklist()]
    item = next(item for item in await env.orders.worklist() if item.order_id == bad)
    assert (item.amount_at_risk, item.currency, item.steps) == ("44.98", "USD", [])
    with pytest.raises(DecisionRefused, match="has no run that could accept a decision"):
        await env.orders.resolve(bad, OrderDecision(choice="retry", by="Ada"))

    assert workflow_id(bad) in (await one_round(env.orders, f"{order_id}-again")).recovered
    await env.orders.result(bad)
    assert bad not in [item.order_id for item in await env.orders.worklist()]


async def test_an_order_that_this_version_cannot_read_is_not_forgotten_when_it_is_cut_off(
    env: OrderEnvironment, temporal: Client, order_id: str
) -> None:
    """Another version, which can read it, may have charged the customer."""
    order = await env.order(order_id)
    document = order.model_dump(mode="json", exclude_none=True) | {"policy": {"fast_path": 30}}
    await env.orders.register.accept(order, env.orders.settings.task_queue)
    handle = await place_document(temporal, document, env.orders.settings.task_queue)
    await cut_off(env.orders, order_id)
    watcher_round = await one_round(env.orders, order_id)
    assert handle.id not in watcher_round.recovered
    (problem,) = problems_of(watcher_round, order_id)
    assert "cannot be recovered: " in problem
    assert "fast_path" in problem
    assert await on_worklist(env.orders, order_id) is Attention.CUT_OFF


async def test_the_worklist_asks_temporal_once_however_many_runs_were_cut_off(
    env: OrderEnvironment, orders_cut_off: list[str], order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await reported(env, f"{order_id}-waits-{number}")
    asked: list[str] = []
    service = env.orders.temporal.service_client
    call = service._rpc_call

    async def counted(rpc: str, *args: Any, **options: Any) -> Any:
        asked.append(rpc)
        return await call(rpc, *args, **options)

    monkeypatch.setattr(service, "_rpc_call", counted)
    listed = [item.order_id for item in await env.orders.worklist()]
    assert not set(orders_cut_off) & set(listed)
    assert len([each for each in listed if each.startswith(f"{order_id}-waits-")]) == 3
    assert asked == ["list_workflow_executions"]


async def test_while_temporal_is_away_the_worklist_is_what_the_register_knows(
    env: OrderEnvironment, settings: Settings, order_id: str
) -> None:
    await reported(env, order_id)
    orders = OrderClient(await connect(target_host="127.0.0.1:1", lazy=True), settings)
    with structlog.testing.capture_logs() as logs:
        assert order_id in [item.order_id for item in await orders.worklist()]
    assert [entry["event"] for entry in logs] == ["wedged runs are missing from the worklist"]


# -- wedged


async def broken(order: OrderInput, saga: SagaContext[OrderInput]) -> None:
    raise RuntimeError("a bug")


@contextmanager
def a_bug() -> Iterator[None]:
    with patch.object(handlers, "ORDER_SAGA", Saga("order", broken, *ORDER_SAGA.steps)):
        yield


async def test_a_wedged_order_waits_for_a_person_and_its_cancel_takes_effect_when_it_goes_on(
    env: OrderEnvironment, bare: Client, settings: Settings, order_id: str
) -> None:
    orders = OrderClient(bare, settings)
    with a_bug():
        async with order_worker(bare, settings):
            await orders.submit_order(await env.order(order_id, policy=HELD))
            assert await on_worklist(orders, order_id) is Attention.WEDGED
            assert await orders.get_order_status(order_id) is OrderStatus.NEEDS_ATTENTION
            with pytest.raises(WorkerUnavailable, match="keeps failing"):
                await orders.get_order(order_id)
            with pytest.raises(VerdictPending):
                await orders.cancel_order(order_id, "no more", patience=3)
            assert workflow_id(order_id) in (await one_round(orders, order_id)).wedged
    async with order_worker(bare, settings):
        result = await asyncio.wait_for(orders.result(order_id), 60)

    assert (result.status, result.cancel_reason) == (OrderStatus.CANCELLED, "no more")
