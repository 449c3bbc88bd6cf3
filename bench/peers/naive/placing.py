"""Places an order with the naive saga."""

from __future__ import annotations

from temporalio.client import Client

from bench.peers.naive.models import Address, OrderInput, OrderItem, OrderStatus
from bench.peers.naive.worker import TASK_QUEUE
from bench.peers.naive.workflow import OrderSagaWorkflow
from ordersaga.domain import order as ours


async def place(client: Client, order: ours.OrderInput) -> None:
    """Place an order and wait for its end. Raises RuntimeError if it did not complete."""
    result = await client.execute_workflow(
        OrderSagaWorkflow.run, _converted(order), id=f"order-{order.order_id}", task_queue=TASK_QUEUE
    )
    if result.status is not OrderStatus.COMPLETED:
        raise RuntimeError(f"order {order.order_id} ended {result.status}: {result.error}")


def _converted(order: ours.OrderInput) -> OrderInput:
    to = order.shipping_address
    return OrderInput(
        order.order_id,
        order.customer_id,
        [OrderItem(item.sku, item.quantity, float(item.price)) for item in order.items],
        Address(to.street, to.city, to.state, to.zip_code, to.country),
        order.payment_method_id,
    )
