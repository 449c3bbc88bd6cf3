"""What an order does with mails."""

from __future__ import annotations

from temporalio import activity

from ordersaga.activities.calling import attempt, time_for_call, told_to_temporal
from ordersaga.activities.settled import settled_before
from ordersaga.clients import NotificationClient, RegisterClient
from ordersaga.contracts.notification import NotificationAnswer, NotificationRequest, RecallStatus
from ordersaga.saga import UndoOutcome, UndoRequest, UndoResult

_OUTCOMES = {
    RecallStatus.RECALLED: UndoOutcome.UNDONE,
    RecallStatus.NOTICE_SENT: UndoOutcome.UNDONE,
    RecallStatus.NOTHING_TO_RECALL: UndoOutcome.NOTHING_TO_UNDO,
}


class Confirmed(NotificationAnswer):
    """The confirmation is on its way."""

    attempts: int = 1


class NotificationActivities:
    """Send a confirmation, and recall it."""

    def __init__(self, client: NotificationClient, register: RegisterClient | None = None) -> None:
        self._client = client
        self._register = register

    @activity.defn
    async def send_confirmation(self, request: NotificationRequest) -> Confirmed:
        """Send the order's confirmation."""
        with told_to_temporal():
            answer = await self._client.send(request, time_for_call())
        return Confirmed(message_id=answer.message_id, attempts=attempt())

    @activity.defn
    async def recall_confirmation(self, undo: UndoRequest) -> UndoResult:
        """Undo a confirmation: recall the mail while it is queued, or have a notice follow it."""
        settled = await settled_before(self._register, undo, "send_confirmation")
        if settled is not None:
            return settled
        with told_to_temporal():
            answer = await self._client.recall(undo.id, undo.owner, time_for_call())
        return UndoResult(_OUTCOMES[answer.status], attempt(), answer.status)
