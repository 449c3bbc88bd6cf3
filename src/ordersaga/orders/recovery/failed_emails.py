"""Mails that were taken and failed later: the order had ended by then, so the watcher puts it on the worklist."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ordersaga.contracts.notification import NotificationEntry, NotificationState
from ordersaga.contracts.register import Attention as AttentionRecord
from ordersaga.contracts.register import AttentionStep, OrderRecord
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention
from ordersaga.orders.recovery.unrecovered import RESOLVES, order_of_queue, report
from ordersaga.orders.service_clients import NotificationClient, RegisterClient
from ordersaga.orders.workflows.steps import CONFIRM
from ordersaga.saga.decisions import BY_A_PERSON

LOOKED_BACK = timedelta(days=7)
"""How old a mail may be to be looked at: a mail server says no within days. It bounds what a round costs."""


class FailedMails:
    """The mails of completed orders that a mail server has refused."""

    def __init__(self, notification: NotificationClient, register: RegisterClient, task_queue: str) -> None:
        self._notification, self._register, self._task_queue = notification, register, task_queue

    async def put_on_worklist(self, on_each: Callable[[], None]) -> list[str]:
        """Put the orders on the worklist that are not there, and give their ids.

        Raises ServiceUnavailable, ServiceFault.
        """
        found: list[str] = []
        oldest = datetime.now(UTC) - LOOKED_BACK
        async for mail in self._notification.notifications(state=NotificationState.FAILED, newest_first="true"):
            on_each()
            if mail.created_at < oldest:
                break
            if mail.notices == 0 and await self._is_put(mail):
                found.append(mail.order_id)
        return found

    async def _is_put(self, mail: NotificationEntry) -> bool:
        order = await order_of_queue(self._register, mail.order_id, self._task_queue)
        if order is None or not _is_forgotten(order):
            return False
        step = AttentionStep(
            step=CONFIRM.name, error=mail.reason, attempts=1, choices=[str(each) for each in BY_A_PERSON]
        )
        attention = AttentionRecord(
            kind=Attention.MAIL_NOT_SENT, amount_at_risk="0", since=datetime.now(UTC), steps=[step]
        )
        await report(self._register, order, OrderStatus.COMPLETED, attention)
        return True


def _is_forgotten(order: OrderRecord) -> bool:
    """Whether a completed order is on no worklist, and nobody has recovered its mail."""
    resolved = any(each.step == CONFIRM.name and each.choice in RESOLVES for each in order.decisions)
    return order.status is OrderStatus.COMPLETED and order.attention is None and not resolved
