"""Refunds that were made and failed later.

Their orders have ended by then, so the watcher puts them on the worklist.
"""

from __future__ import annotations

from collections.abc import Callable

from ordersaga.contracts.payment import PaymentEntry
from ordersaga.contracts.register import OrderRecord
from ordersaga.domain.result import OrderStatus
from ordersaga.orders.recovery.unrecovered import RESOLVES, order_of_queue, report
from ordersaga.orders.service_clients import PaymentClient, RegisterClient
from ordersaga.orders.workflows.register import failed_refund
from ordersaga.orders.workflows.steps import CHARGE

_WHY = "the refund was made, and has failed later"


class FailedRefunds:
    """The payments of undone orders whose refund failed."""

    def __init__(self, payment: PaymentClient, register: RegisterClient, task_queue: str) -> None:
        self._payment, self._register, self._task_queue = payment, register, task_queue

    async def put_on_worklist(self, on_each: Callable[[], None]) -> list[str]:
        """Put the orders on the worklist that are not there yet, and return their ids.

        Raises ServiceUnavailable, ServiceFault.
        """
        found: list[str] = []
        async for payment in self._payment.payments(refund_failed="true"):
            on_each()
            if await self._is_put(payment):
                found.append(payment.order_id)
        return found

    async def _is_put(self, payment: PaymentEntry) -> bool:
        order = await order_of_queue(self._register, payment.order_id, self._task_queue)
        if order is None or not _is_forgotten(order, payment):
            return False
        assert payment.refund_failed_at is not None
        attention = failed_refund(payment.amount, payment.refund_failed_at, _WHY, payment.refunds)
        await report(self._register, order, order.status, attention)
        return True


def _is_forgotten(order: OrderRecord, payment: PaymentEntry) -> bool:
    """Whether an undone order is not on the worklist and nobody has dealt with its refund since it failed."""
    assert payment.refund_failed_at is not None
    resolved = any(
        each.step == CHARGE.name and each.undoing and each.choice in RESOLVES and each.at > payment.refund_failed_at
        for each in order.decisions
    )
    undone = order.status in (OrderStatus.FAILED, OrderStatus.CANCELLED)
    return undone and order.attention is None and not resolved
