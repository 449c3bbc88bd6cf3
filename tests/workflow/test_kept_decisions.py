"""A person's decision outlives the run that carried it out (fault 4): a refund done by hand is not repeated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import uuid4

import pytest
from temporalio.client import Client

from ordersaga.audit.books import check_books
from ordersaga.domain.errors import DecisionRefused, Unavailable
from ordersaga.domain.result import OrderResult, OrderStatus
from ordersaga.domain.worklist import OrderDecision
from ordersaga.orders.client import OrderClient
from ordersaga.orders.workflows.ids import workflow_id
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from resilience.resets import reset
from tests.recovery.test_watcher import one_round
from tests.workflow.environment import OrderEnvironment, until
from tests.workflow.faulty import DECLINED_LATE, IMPATIENT

BY_HAND = OrderDecision(choice="done_by_hand", by="Ada", note="bank transfer 4711", step="charge_payment")
RETRY = OrderDecision(choice="retry", by="Bob")


@pytest.fixture
async def decided(env: OrderEnvironment, orders: OrderClient, proxy: FaultProxy, order_id: str) -> AsyncIterator[str]:
    """An order that a person has refunded by hand and whose stock cannot be released yet."""
    proxy.faults += [Fault(Kind.ERROR_BEFORE, call, order_id, attempts=None) for call in ("refund", "release")]
    await orders.submit_order(await env.order(order_id, shipping_address=DECLINED_LATE, policy=IMPATIENT))

    async def are_parked() -> bool:
        view = await orders.get_order(order_id)
        return [step.name for step in view.steps if step.state == "parked"] == ["reserve_inventory", "charge_payment"]

    async def at_risk() -> str | None:
        return next((item.amount_at_risk for item in await orders.worklist() if item.order_id == order_id), None)

    async def nothing_is_at_risk() -> bool:
        return await at_risk() == "0.00"

    await until(are_parked)
    assert await until(at_risk) == "44.98"
    await orders.resolve(order_id, BY_HAND)
    await until(nothing_is_at_risk)
    yield order_id
    proxy.lift(order_id)


async def end_of(orders: OrderClient, order_id: str) -> OrderResult:
    """Its result. A person who does not know about the decision retries everything that is parked."""
    ending = asyncio.create_task(orders.result(order_id))
    while not (await asyncio.wait([ending], timeout=0.5))[0]:
        with suppress(DecisionRefused, Unavailable):
            await orders.resolve(order_id, RETRY)
    return await ending


async def ends_without_a_refund(
    env: OrderEnvironment, orders: OrderClient, proxy: FaultProxy, order_id: str
) -> OrderResult:
    """Its result, once the stock can be released: the refund would work now, but is not made."""
    proxy.lift(order_id)
    result = await end_of(orders, order_id)
    assert result.status is OrderStatus.FAILED
    assert await env.books(order_id) == ["released", "captured", "refused"]
    record = await orders.register.find(order_id)
    assert record is not None
    # Temporal sends an update again after a reset, so the decision may have been accepted twice.
    decided = [each for each in record.decisions if each.by != "Bob"]
    assert {(each.step, each.choice, each.by, each.note) for each in decided} == {
        ("charge_payment", "done_by_hand", "Ada", "bank transfer 4711")
    }
    assert [each for each in (await check_books(orders)).violations if each.order_id == order_id] == []
    return result


async def test_a_decision_outlives_a_termination(
    env: OrderEnvironment, orders: OrderClient, proxy: FaultProxy, temporal: Client, decided: str
) -> None:
    await temporal.get_workflow_handle(workflow_id(decided)).terminate("somebody pressed the button")

    async def is_recovered() -> bool:
        return workflow_id(decided) in (await one_round(orders, f"{decided}-{uuid4().hex[:6]}")).recovered

    await until(is_recovered)
    await ends_without_a_refund(env, orders, proxy, decided)


@pytest.mark.parametrize("task", [0, 1, 2, 3])
async def test_a_decision_outlives_a_reset(
    env: OrderEnvironment, orders: OrderClient, proxy: FaultProxy, temporal: Client, decided: str, task: int
) -> None:
    """A reset to any moment: before the announcement of the undo and after it, before the refund and after it."""
    await reset(temporal, workflow_id(decided), task)
    await ends_without_a_refund(env, orders, proxy, decided)
