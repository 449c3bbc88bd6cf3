"""Reads orders off Temporal for many who ask: one read at a time for each question, the last answer in bad times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import aiohttp
from temporalio.client import WorkflowExecutionDescription

from ordersaga import endings, settlements
from ordersaga.client import OrderClient
from ordersaga.clients.http import open_session
from ordersaga.connect import in_our_words
from ordersaga.domain.errors import InvalidOrder, WorkerUnavailable
from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import OrderFilter, OrderPage, OrderSummary, OrderView
from ordersaga.domain.worklist import Attention, WorklistItem
from ordersaga.known import Known, Memory
from ordersaga.overview.details import OrderDetails, actions_of, with_mail_choices, without_choices
from ordersaga.overview.health import Health, look
from ordersaga.overview.without_worker import view_without_worker
from ordersaga.workflows.ids import workflow_id
from ordersaga.workflows.projection import ATTENTION

T = TypeVar("T")

QUERY_PATIENCE = timedelta(seconds=2)
"""How long a worker may take to tell of an order. Less than the client waits: there is something to show instead."""
_WORKLIST = ("worklist",)
_HEALTH = ("health",)
_KEPT = 500


class Overview:
    """What is known of orders. Safe to share; use within one event loop, and close it."""

    def __init__(self, client: OrderClient) -> None:
        self.client = client
        self.stopping = asyncio.Event()
        """Set when the server stops: what watches an order ends then."""
        self._memory = Memory(keep=_KEPT)
        self._session: aiohttp.ClientSession | None = None

    async def orders(self, wanted: OrderFilter, cursor: str | None = None, limit: int = 50) -> Known[OrderPage]:
        """A page of the list of orders. Raises InvalidCursor, Unavailable."""
        return await self._memory.get(
            ("orders", wanted, cursor, limit), lambda: self.client.list_page(wanted, cursor, limit)
        )

    async def order(self, order_id: str) -> Known[OrderDetails]:
        """The details of an order. Raises OrderNotFound, Unavailable."""
        return await self._memory.get(("order", order_id), lambda: self._details(order_id))

    async def worklist(self) -> Known[list[WorklistItem]]:
        """What waits for a person, what has waited longest first. Raises Unavailable."""
        return await self._memory.get(_WORKLIST, self._worklist)

    async def health(self) -> Known[Health]:
        """Whether what orders need answers. Raises nothing."""
        return await self._memory.get(_HEALTH, self._health)

    async def watch(
        self, read: Callable[[], Awaitable[Known[T]]], ends: Callable[[T], bool] = lambda _: False
    ) -> AsyncIterator[Known[T]]:
        """What `read` gives, at once and then whenever it has changed, until `ends` says so or the server stops."""
        shown: tuple[T, str | None] | None = None
        while not self.stopping.is_set():
            known = await read()
            if (known.value, known.problem) != shown:
                shown = (known.value, known.problem)
                yield known
            if known.fresh and ends(known.value):
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), self._memory.max_age)

    def changed(self, order_id: str) -> None:
        """An order has just been changed from here: read it anew."""
        for key in (("order", order_id), _WORKLIST):
            self._memory.forget(key)

    async def close(self) -> None:
        """End what is being read."""
        self.stopping.set()
        await self._memory.close()
        if self._session is not None:
            await self._session.close()

    # -- reading

    async def _worklist(self) -> list[WorklistItem]:
        return sorted(await self.client.worklist(), key=lambda item: item.since)

    async def _health(self) -> Health:
        if self._session is None:
            self._session = open_session()
        settings = self.client.settings
        return await look(self.client.temporal, settings.task_queue, settings.service_urls(), self._session)

    async def _details(self, order_id: str) -> OrderDetails:
        temporal = self.client.temporal
        before = self._memory.last(("order", order_id))
        last: OrderDetails | None = before.value if before else None
        with in_our_words(order_id):
            description = await temporal.get_workflow_handle(workflow_id(order_id)).describe()
            current = await endings.settlement_of(temporal, description) or description
            summary = await endings.summary(temporal, description)
            order = await self._order(description, last)
            view, live = await self._view(summary, current, last)
            attention = await settlements.item_of(temporal, current)
            if current.typed_search_attributes.get(ATTENTION) == Attention.MAIL_NOT_SENT:
                view = await settlements.with_mail_decision(temporal, view)
        if live and attention is not None and attention.attention is Attention.MAIL_NOT_SENT:
            view = with_mail_choices(view)
        return OrderDetails(
            summary=summary.model_copy(update={"status": view.status}),
            order=order,
            view=view,
            live=live,
            workflow_id=current.id,
            run_id=current.run_id,
            attention=attention,
            actions=actions_of(view) if live else [],
        )

    async def _order(self, description: WorkflowExecutionDescription, last: OrderDetails | None) -> OrderInput | None:
        """What was asked for, which never changes."""
        if last is not None and last.order is not None and last.summary.run_id == description.run_id:
            return last.order
        try:
            return await endings.order_of(self.client.temporal, description.id, description.run_id)
        except InvalidOrder:
            return None

    async def _view(
        self, summary: OrderSummary, current: WorkflowExecutionDescription, last: OrderDetails | None
    ) -> tuple[OrderView, bool]:
        """The view, and whether a worker has told it."""
        handle = self.client.temporal.get_workflow_handle(current.id, run_id=current.run_id)
        try:
            with in_our_words(summary.order_id, by_worker=True):
                view: OrderView = await handle.query("get_order", result_type=OrderView, rpc_timeout=QUERY_PATIENCE)
        except WorkerUnavailable:
            if last is not None and last.live and last.run_id == current.run_id and summary.closed_at is None:
                raise  # while no worker answers nothing happens to the order, so that what was known still holds
            return await view_without_worker(self.client.temporal, summary, current), False
        if current.status in endings.CUT_OFF:  # its own run does not know that
            view = without_choices(view.model_copy(update={"status": summary.status}))
        return endings.with_pending_activities(view, current), True
