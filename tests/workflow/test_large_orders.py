"""The largest order that validation allows: Temporal and the services handle it with a margin."""

from __future__ import annotations

from temporalio.client import Client

from ordersaga.domain.order import MAX_LINES, MAX_QUANTITY, OrderInput, parse_order
from ordersaga.domain.result import OrderStatus
from tests.workflow.environment import OrderEnvironment

WARNS_AT = 512 << 10
"""From this size on, Temporal's server logs a warning about a payload. It rejects a payload of 2 MB, and a message of 4
MB."""
WIDE = "\U0001f4e6"
"""A character of four bytes."""


def largest(order_id: str) -> OrderInput:
    """An order with the maximum number of lines, and every text of maximum length."""
    prefix = f"{order_id}-"
    line = {"quantity": MAX_QUANTITY, "price": f"99.{'0' * 18}"}
    return parse_order(
        {
            "order_id": f"{prefix}{'o' * (100 - len(prefix))}",
            "customer_id": WIDE * 128,
            "items": [{"sku": f"{prefix}{number:0{64 - len(prefix)}}", **line} for number in range(MAX_LINES)],
            "shipping_address": {
                "street": WIDE * 200,
                "city": WIDE * 200,
                "state": WIDE * 200,
                "zip_code": WIDE * 20,
                "country": "AG",
            },
            "payment_method_id": WIDE * 255,
            "email": f"{WIDE * 126}@{WIDE * 127}",
            "policy": {"fast_path": 0},  # so that every request is a payload too
        }
    )


async def test_the_largest_order_is_refused_or_completes_with_room_to_spare(
    env: OrderEnvironment, temporal: Client, order_id: str
) -> None:
    refused, order = largest(f"{order_id}-refused"), largest(order_id)

    result = await env.orders.place_order(refused)
    assert (result.status, result.refusal) == (OrderStatus.FAILED, "InsufficientInventory")
    assert sum(await sizes(temporal, refused)) < WARNS_AT

    await env.services.inventory.load_stock({item.sku: MAX_QUANTITY for item in order.items})
    result = await env.orders.place_order(order)
    assert (result.status, result.amount) == (OrderStatus.COMPLETED, f"{99 * MAX_LINES * MAX_QUANTITY}.00")
    assert (
        sum(await sizes(temporal, order)) < WARNS_AT
    )  # all payloads together are smaller than the warning size of one
    assert (await env.orders.get_order(order.order_id)).status is OrderStatus.COMPLETED


async def sizes(temporal: Client, order: OrderInput) -> list[int]:
    """The size of each event of an order's history, in bytes."""
    history = await temporal.get_workflow_handle(f"order-{order.order_id}").fetch_history()
    return [event.ByteSize() for event in history.events]
