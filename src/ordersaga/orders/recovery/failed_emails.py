"""Emails that were accepted and failed later.

Their orders have ended by then, so the watcher puts them on the worklist.
"""

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

MAX_AGE = timedelta(days=7)
"""The maximum age of an email to check. Mail servers report a failure within days; the limit bounds the cost of a
round."""


class FailedEmails:
    """The emails of completed orders that a mail server has rejected."""

    def __init__(self, notification: NotificationClient, register: RegisterClient, task_queue: str) -> None:
        self._notification, self._register, self._task_queue = notification, register, task_queue

    async def put_on_worklist(self, on_each: Callable[[], None]) -> list[str]:
        """Put the orders on the worklist that are not there yet, and return their ids.

        Raises ServiceUnavailable, ServiceFault.
        """
        found: list[str] = []
        oldest = datetime.now(UTC) - MAX_AGE
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
    """Whether a completed order is not on the worklist and nobody has dealt with its email."""
    resolved = any(each.step == CONFIRM.name and each.choice in RESOLVES for each in order.decisions)
    return order.status is OrderStatus.COMPLETED and order.attention is None and not resolved
