"""Orders that the watcher could not recover in a round. They stay on the worklist until they run again."""

from __future__ import annotations

from datetime import UTC, datetime

from ordersaga.contracts.register import Attention as AttentionRecord
from ordersaga.contracts.register import OrderRecord, ProgressRequest
from ordersaga.domain.errors import NotFound, NotYours, ServiceFault, ServiceUnavailable
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention
from ordersaga.orders.register.orders import SECONDS
from ordersaga.orders.service_clients import RegisterClient
from ordersaga.saga import Choice

RESOLVES = (Choice.DONE_BY_HAND, Choice.WRITE_OFF)
"""The decisions that leave nothing to do about a failure."""
RUN_ID = "watcher"
"""The run id in the watcher's own reports."""


class Unrecovered:
    """The orders of one round that could not be recovered, and since when.

    Nothing is taken off the worklist here: the run that recovers an order does that with its reports or its end. A
    report from here could arrive after one of those.
    """

    def __init__(self, register: RegisterClient) -> None:
        self._register = register
        self._since: dict[str, datetime] = {}

    def add(self, order_id: str, since: datetime | None) -> None:
        """Add an order that could not be recovered."""
        self._since[order_id] = since or datetime.now(UTC)

    async def write(self) -> list[str]:
        """Put the orders on the worklist, and return the problems."""
        problems = []
        for order_id, since in self._since.items():
            try:
                await self._put(order_id, since)
            except (NotYours, ServiceFault, ServiceUnavailable) as error:
                problems.append(f"order {order_id} cannot be put on the worklist: {error}")
        return problems

    async def _put(self, order_id: str, since: datetime) -> None:
        try:
            order = await self._register.order(order_id)
        except NotFound:
            return  # the register never accepted it, so nothing was done for it
        if order.attention is not None and order.attention.kind == Attention.CUT_OFF:
            return
        attention = AttentionRecord(kind=Attention.CUT_OFF, amount_at_risk=order.amount, since=since)
        await report(self._register, order, OrderStatus.NEEDS_ATTENTION, attention)


async def order_of_queue(register: RegisterClient, order_id: str, task_queue: str) -> OrderRecord | None:
    """The register's record of an order, if there is one and the order belongs to this queue."""
    try:
        order = await register.order(order_id)
    except NotFound:
        return None
    return order if order.task_queue == task_queue else None


async def report(register: RegisterClient, order: OrderRecord, status: OrderStatus, attention: AttentionRecord) -> None:
    """Put an order on the worklist in the watcher's name. Raises NotFound, NotYours, ServiceFault."""
    request = ProgressRequest(owner=order.owner, run_id=RUN_ID, number=0, status=status, attention=attention)
    await register.progress(order.order_id, request, SECONDS)
