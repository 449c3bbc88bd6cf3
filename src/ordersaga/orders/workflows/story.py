"""The story of an order."""

from __future__ import annotations

from datetime import timedelta

from ordersaga.domain.order import OrderInput, OrderPolicy
from ordersaga.orders.workflows.register import ORDER_REGISTER
from ordersaga.orders.workflows.steps import CHARGE, CONFIRM, RESERVE, SHIP
from ordersaga.saga import Saga, SagaContext


async def order_story(order: OrderInput, saga: SagaContext[OrderInput]) -> None:
    """What happens to an order when nothing goes wrong. How it is undone follows from the steps."""
    policy = order.policy or OrderPolicy()
    await saga.do(RESERVE)
    await saga.do(CHARGE)
    await saga.hold(timedelta(seconds=policy.hold_before_shipping))
    booked = await saga.do(SHIP)
    await saga.try_step(CONFIRM, booked.tracking_number if booked else None)


ORDER_SAGA = Saga(
    "order",
    order_story,
    RESERVE,
    CHARGE,
    SHIP,
    CONFIRM,
    owner=lambda order: order.fingerprint,
    register=ORDER_REGISTER,
)
