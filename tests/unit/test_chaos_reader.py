"""The campaign's reader at the end of the campaign."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from ordersaga.domain.result import OrderStatus
from resilience.chaos.customers import Customer
from resilience.chaos.environment import ChaosEnvironment
from resilience.chaos.event_log import EventLog
from resilience.chaos.reader import READ_SECONDS, Reader


class SlowOrders:
    """Answers a query for an order's status when the test says so."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer: asyncio.Future[OrderStatus] = asyncio.get_running_loop().create_future()

    async def list_page(self, _filter: Any, limit: int) -> Any:
        return SimpleNamespace(items=[])

    async def get_order_status(self, order_id: str) -> OrderStatus:
        self.asked.set()
        return await self.answer

    async def get_summary(self, order_id: str) -> Any:
        await asyncio.Event().wait()


async def test_the_reader_stops_even_if_an_answer_arrives_at_that_moment(tmp_path: Path) -> None:
    orders = SlowOrders()
    customer = SimpleNamespace(record=SimpleNamespace(order_id="A", placed_at=1.0, surprises=[]))
    with EventLog(tmp_path / "events.jsonl") as event_log:
        env = SimpleNamespace(orders=orders)
        reader = Reader([cast("Customer", customer)], cast("ChaosEnvironment", env), event_log)
        reading = asyncio.create_task(reader.run())
        async with asyncio.timeout(10):
            await orders.asked.wait()
        orders.answer.set_result(OrderStatus.PROCESSING)
        await asyncio.sleep(0)  # the answer exists, but the reader does not have it yet
        reading.cancel()
        done, _ = await asyncio.wait([reading], timeout=READ_SECONDS / 2)
        reading.cancel()
    assert done
    assert reading.cancelled()
