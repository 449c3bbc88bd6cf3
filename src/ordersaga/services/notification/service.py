"""The notification service's HTTP endpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from ordersaga.contracts.common import EffectId, Page
from ordersaga.contracts.notification import (
    NotificationAnswer,
    NotificationEntry,
    NotificationRequest,
    NotificationState,
    RecallAnswer,
)
from ordersaga.domain.errors import Fenced, IdempotencyMismatch, InProgress, NotFound, NotYours, UndeliverableMail
from ordersaga.http.problem import problems
from ordersaga.services.kit.answer import Answer, reply
from ordersaga.services.kit.app import Service, new_app
from ordersaga.services.kit.fence import Fence, OwnerQuery
from ordersaga.services.kit.paged_table import OrderQuery
from ordersaga.services.kit.store import Store, Transaction
from ordersaga.services.notification import outbox
from ordersaga.services.notification.sender import Sender
from ordersaga.services.notification.smtp import MailServer


class OutboxQuery(OrderQuery):
    """A page of all emails, or of those of one order or in one state; with `newest_first`, newest first."""

    state: NotificationState | None = None
    newest_first: bool = False


_RECALL_SECONDS = 5.0
"""How long a recall waits for an email that is being sent."""


def service(store: Store, smtp_url: str | None, mail_from: str) -> Service:
    """Build the notification service on this store. Raises SettingsError if the mail server's URL is invalid."""
    app = new_app("notification", "Email to the customer, and its recall.", store)
    server = MailServer.parse(smtp_url, mail_from) if smtp_url else None
    sender = Sender(store, server)
    routes = _Routes(store, sender, server is not None)
    app.add_api_route(
        "/notifications",
        routes.notify,
        methods=["POST"],
        status_code=202,
        response_model=NotificationAnswer,
        responses=problems(UndeliverableMail, NotYours, Fenced, IdempotencyMismatch, InProgress),
    )
    app.add_api_route(
        "/notifications/{message_id}/recall",
        routes.recall,
        methods=["POST"],
        response_model=RecallAnswer,
        responses=problems(NotYours, InProgress),
    )
    app.add_api_route(
        "/notifications", routes.notifications, response_model=Page[NotificationEntry], responses=problems()
    )
    app.add_api_route(
        "/notifications/{message_id}",
        routes.notification,
        response_model=NotificationEntry,
        responses=problems(NotFound),
    )

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with store.lifespan(), sender.lifespan():
            yield

    return Service("notification", app, store, lifespan)


class _Routes:
    def __init__(self, store: Store, sender: Sender, mail_server: bool) -> None:
        self._store = store
        self._fence = Fence(store)
        self._sender = sender
        self._mail_server = mail_server

    async def notify(self, request: NotificationRequest) -> Response:
        """Send an email once. If the mail server rejected it, a repeated request sends it again."""
        queued = False

        async def work(tx: Transaction) -> Answer:
            nonlocal queued
            queued = True
            return await outbox.queue(tx, request, self._mail_server)

        response = await self._fence.do(request.message_id, request, work)
        if not queued:
            await self._store.write(lambda tx: outbox.try_again(tx, request.message_id))
        self._sender.wake()
        return response

    async def recall(self, message_id: EffectId, owner: OwnerQuery = None) -> Response:
        """Stop an email, send one cancellation notice after it, or make sure that it is never sent."""
        try:
            return await self._recall(message_id, owner)
        except InProgress:
            await self._sender.idle(_RECALL_SECONDS)
            return await self._recall(message_id, owner)
        finally:
            self._sender.wake()

    async def _recall(self, message_id: str, owner: str | None) -> Response:
        return await self._fence.undo(message_id, owner, lambda tx: outbox.recall(tx, message_id), outbox.NOTHING)

    async def notification(self, message_id: EffectId) -> Response:
        """One email."""
        return reply(await outbox.TABLE.one(self._store, message_id)).response()

    async def notifications(self, query: Annotated[OutboxQuery, Query()]) -> Response:
        """The emails, in pages."""
        table = outbox.NEWEST_FIRST if query.newest_first else outbox.TABLE
        wanted = {"order_id = ?": query.order_id, "state = ?": query.state}
        return reply(await table.page(self._store, query, wanted)).response()
