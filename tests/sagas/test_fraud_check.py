"""docs/start/course.md's change to the order saga: it approves, it refuses, and orders in flight end as they began."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from examples.fraud_check import SCREEN, SCREENED_ORDER_SAGA, FraudActivities, ScreenedOrderWorkflow
from ordersaga import OrderInput, OrderPolicy, OrderResult, OrderStatus
from ordersaga.orders.connection import DATA_CONVERTER
from ordersaga.orders.sandbox import workflow_runner
from ordersaga.orders.workflows.order import OrderSagaWorkflow
from ordersaga.orders.workflows.steps import CHARGE, SHIP
from ordersaga.orders.workflows.story import ORDER_SAGA
from ordersaga.saga import first_attempts
from ordersaga.testing.sagas import Case, Do, Undo, World, cases_of, run_case

FRAUDSTER = "c-13"
STEPS = ["rsv", "pay", "shp", "msg"]


def order(order_id: str, *, customer: str = "c-1", hold: float = 0) -> OrderInput:
    return OrderInput.model_validate(
        {
            "order_id": order_id,
            "customer_id": customer,
            "items": [{"sku": "MUG-BLUE", "quantity": 1, "price": "9.50"}],
            "shipping_address": {"street": "1 Main St", "city": "Oslo", "country": "NO"},
            "payment_method_id": "pm_card_visa",
            "policy": OrderPolicy(hold_before_shipping=hold, step_deadline=20),
        }
    )


def worker(temporal: Client, world: World, workflow: type[OrderSagaWorkflow]) -> Worker:
    """A worker with the code before or after the change: the world's activities, and the real fraud check."""
    activities = world.activities(FraudActivities({FRAUDSTER}).screen_order)
    return Worker(
        temporal,
        task_queue="screened",
        workflows=[workflow],
        activities=[*activities, first_attempts(ORDER_SAGA, activities)],
        workflow_runner=workflow_runner(DATA_CONVERTER, sandboxed=True),
    )


async def start(temporal: Client, what: OrderInput) -> WorkflowHandle[Any, OrderResult]:
    return await temporal.start_workflow(
        OrderSagaWorkflow.run, what, id=f"order-{what.order_id}", task_queue="screened"
    )


@pytest.fixture
def world() -> World:
    return World(SCREENED_ORDER_SAGA)


async def test_an_order_that_is_approved_completes(temporal: Client, world: World, order_id: str) -> None:
    async with worker(temporal, world, ScreenedOrderWorkflow):
        result = await (await start(temporal, order(order_id))).result()

    assert result.status is OrderStatus.COMPLETED
    assert world.live == [f"{step}-{order_id}" for step in STEPS]
    assert [step.name for step in result.steps][:2] == ["screen_order", "reserve_inventory"]


async def test_a_fraud_is_refused_and_nothing_is_in_effect(temporal: Client, world: World, order_id: str) -> None:
    async with worker(temporal, world, ScreenedOrderWorkflow):
        result = await (await start(temporal, order(order_id, customer=FRAUDSTER))).result()

    assert (result.status, result.refusal) == (OrderStatus.FAILED, "SuspectedFraud")
    assert world.live == []
    assert not [call for call in world.calls if call.startswith("do ")]


async def test_an_order_in_flight_ends_as_it_began(temporal: Client, world: World, order_id: str) -> None:
    """The order is from a customer who would not pass the check."""
    async with worker(temporal, world, OrderSagaWorkflow):
        handle = await start(temporal, order(order_id, customer=FRAUDSTER, hold=2))
        async with asyncio.timeout(30):
            while f"pay-{order_id}" not in world.live:
                await asyncio.sleep(0.05)
    async with worker(temporal, world, ScreenedOrderWorkflow):
        result = await handle.result()

    assert result.status is OrderStatus.COMPLETED
    assert "screen_order" not in [step.name for step in result.steps]
    assert world.live == [f"{step}-{order_id}" for step in STEPS]


OF_THE_CHECK = [case for case in cases_of(SCREENED_ORDER_SAGA) if case.step is SCREEN]


@pytest.mark.parametrize("case", OF_THE_CHECK[::5], ids=str)
async def test_the_saga_is_all_or_nothing_for_every_outcome_of_the_check(temporal: Client, case: Case) -> None:
    result = await run_case(temporal, SCREENED_ORDER_SAGA, order("1"), case)

    assert not result.problems, result
    assert result.reached


async def test_a_parcel_that_has_left_is_not_undone_by_a_screened_order_either(
    temporal: Client, world: World, order_id: str
) -> None:
    world.given(CHARGE, do=[Do.OK])
    world.given(SHIP, do=[Do.LOST, Do.LOST, Do.OK], undo=[Undo.TOO_LATE])
    async with worker(temporal, world, ScreenedOrderWorkflow):
        result = await (await start(temporal, order(order_id))).result()

    assert result.status is OrderStatus.COMPLETED
    assert world.live == [f"{step}-{order_id}" for step in STEPS]
