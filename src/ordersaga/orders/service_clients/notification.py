"""The notification service's client."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ordersaga.contracts.notification import NotificationAnswer, NotificationEntry, NotificationRequest, RecallAnswer
from ordersaga.domain.errors import ServiceFault, UndeliverableMail
from ordersaga.orders.service_clients.http import ServiceHttp


class NotificationClient:
    """Emails. Timeouts are in seconds."""

    def __init__(self, http: ServiceHttp) -> None:
        self._http = http

    async def send(self, request: NotificationRequest, timeout: float) -> NotificationAnswer:
        """Queue an email, once. Raises UndeliverableMail, NotYours, Fenced, IdempotencyMismatch, ServiceFault."""
        answer = await self._http.call(
            "POST", "/notifications", request, {202: NotificationAnswer}, timeout=timeout, refusals=(UndeliverableMail,)
        )
        if answer.message_id != request.message_id:
            raise ServiceFault(f"notification answered for {answer.message_id}, not {request.message_id}")
        return answer

    async def recall(self, message_id: str, owner: str, timeout: float) -> RecallAnswer:
        """Recall a queued email; if it was sent, send one cancellation notice. Raises NotYours, ServiceFault."""
        return await self._http.call(
            "POST", f"/notifications/{message_id}/recall", None, {200: RecallAnswer}, timeout=timeout, owner=owner
        )

    def notifications(self, **filters: str) -> AsyncIterator[NotificationEntry]:
        """All emails, or those of one order_id. Raises ServiceUnavailable."""
        return self._http.rows("/notifications", NotificationEntry, **filters)
