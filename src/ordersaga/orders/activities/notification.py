"""The order's activities on email."""

from __future__ import annotations

from temporalio import activity

from ordersaga.contracts.notification import NotificationAnswer, NotificationRequest, RecallStatus
from ordersaga.orders.activities.calling import attempt, map_service_errors, time_for_call
from ordersaga.orders.activities.earlier_decisions import earlier_decision
from ordersaga.orders.service_clients import NotificationClient, RegisterClient
from ordersaga.saga import UndoOutcome, UndoRequest, UndoResult

_OUTCOMES = {
    RecallStatus.RECALLED: UndoOutcome.UNDONE,
    RecallStatus.NOTICE_SENT: UndoOutcome.UNDONE,
    RecallStatus.NOTHING_TO_RECALL: UndoOutcome.NOTHING_TO_UNDO,
}


class Confirmed(NotificationAnswer):
    """The result of a confirmation: it is queued or sent."""

    attempts: int = 1


class NotificationActivities:
    """Send and recall a confirmation."""

    def __init__(self, client: NotificationClient, register: RegisterClient | None = None) -> None:
        self._client = client
        self._register = register

    @activity.defn
    async def send_confirmation(self, request: NotificationRequest) -> Confirmed:
        """Send the order's confirmation."""
        with map_service_errors():
            answer = await self._client.send(request, time_for_call())
        return Confirmed(message_id=answer.message_id, attempts=attempt())

    @activity.defn
    async def recall_confirmation(self, undo: UndoRequest) -> UndoResult:
        """Undo a confirmation: recall the email if it is still queued; otherwise send a cancellation notice."""
        decided = await earlier_decision(self._register, undo, "send_confirmation")
        if decided is not None:
            return decided
        with map_service_errors():
            answer = await self._client.recall(undo.id, undo.owner, time_for_call())
        return UndoResult(_OUTCOMES[answer.status], attempt(), answer.status)
