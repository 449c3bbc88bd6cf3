"""The register's orders, for programs that place and read them. Errors are translated into ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Self

import aiohttp

from ordersaga.contracts.register import (
    AttentionStep,
    DecisionRecord,
    Ending,
    EndingRequest,
    OrderEntry,
    OrderRecord,
    PlacedCount,
    PlacedQuery,
    Standing,
    Stretch,
)
from ordersaga.domain.errors import (
    InvalidCursor,
    InvalidOrder,
    InvalidRequest,
    NotFound,
    OrderConflict,
    ServiceFault,
    ServiceUnavailable,
)
from ordersaga.domain.order import STORED, OrderInput, UnreadOrder
from ordersaga.domain.result import (
    DecisionEntry,
    OrderFilter,
    OrderPage,
    OrderResult,
    OrderStatus,
    OrderSummary,
    OrderView,
    StepOutcome,
    StepStatus,
    TimelineEntry,
)
from ordersaga.orders.activities import AHEAD, claim_of
from ordersaga.orders.register.lists import cursor_of, filters_of, position_of
from ordersaga.orders.service_clients import RegisterClient
from ordersaga.orders.service_clients.http import ServiceHttp, open_session
from ordersaga.orders.workflows.steps import CHARGE, CONFIRM
from ordersaga.orders.workflows.story import ORDER_SAGA
from ordersaga.saga import Choice, StepState
from ordersaga.settings import Settings

SECONDS = 10.0
"""The timeout of one call to the register."""
_CHUNK = 500
"""The page size for reading all orders."""


class OrderRegister:
    """The register at the address in the settings.

    Inside `async with`, the calls share connections. Otherwise each call opens its own.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = settings.service_urls()["register"]
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = open_session()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[RegisterClient]:
        """A client of the register."""
        if self._session is not None:
            yield RegisterClient(ServiceHttp(self._session, "register", self._url))
            return
        async with open_session() as session:
            yield RegisterClient(ServiceHttp(session, "register", self._url))

    async def accept(self, order: OrderInput, task_queue: str) -> Standing:
        """Have the register accept an order, once. Raises OrderConflict, ServiceUnavailable."""
        try:
            async with self.client() as client:
                return await client.claim(order.order_id, claim_of(order, task_queue), SECONDS)
        except OrderConflict:
            raise OrderConflict(
                f"Order {order.order_id} already exists with other content. Nothing was started. "
                "Use another order_id for a new order."
            ) from None
        except ServiceFault as fault:
            raise ServiceUnavailable(
                f"The register at {self._url} did not accept order {order.order_id}: {fault}. It may or may not have "
                "been accepted. Place it again; it is placed only once. Is the register running? `ordersaga up` or "
                "`ordersaga services` starts it."
            ) from None

    async def worklist(self) -> AsyncIterator[OrderEntry]:
        """The orders that need a person, the longest wait first. Raises ServiceUnavailable."""
        async with self.client() as client:
            async for entry in client.worklist():
                yield entry

    async def placed(self, after: datetime, per: Stretch) -> list[PlacedCount]:
        """The numbers of orders by time of placing and current status. Raises InvalidRequest, ServiceUnavailable."""
        async with self.client() as client:
            return await client.placed(PlacedQuery(placed_after=after, per=per))

    async def find(self, order_id: str) -> OrderRecord | None:
        """The register's record of an order, if there is one. Raises ServiceUnavailable."""
        try:
            async with self.client() as client:
                return await client.order(order_id)
        except NotFound:
            return None

    async def page(self, wanted: OrderFilter, cursor: str | None = None, limit: int = 50) -> OrderPage:
        """A page of orders, newest first, and the cursor of the next page.

        Raises InvalidCursor, ServiceUnavailable, and InvalidRequest for an invalid filter.
        """
        position = None if cursor is None else position_of(cursor, wanted)
        filters = filters_of(wanted)
        if filters is None:
            return OrderPage(items=[])
        try:
            async with self.client() as client:
                found = await client.page(filters, position, limit)
        except InvalidRequest:
            if position is None:
                raise
            raise InvalidCursor from None
        following = cursor_of(found.next, wanted) if found.next else None
        return OrderPage(items=[summary_of(entry) for entry in found.items], next=following)

    async def entries(self, wanted: OrderFilter, limit: int | None = None) -> AsyncIterator[OrderEntry]:
        """All matching orders, or the newest `limit` of them. Raises InvalidRequest, ServiceUnavailable."""
        filters, position, left = filters_of(wanted), None, limit
        while filters is not None and left != 0:
            async with self.client() as client:
                found = await client.page(filters, position, _CHUNK if left is None else min(_CHUNK, left))
            for entry in found.items:
                yield entry
            left = None if left is None else left - len(found.items)
            position = found.next
            if position is None:
                return


def ending_of(owner: str, result: OrderResult, run_id: str) -> EndingRequest:
    """The ending of an order, from its run's result, for a register that does not have it."""
    return EndingRequest.model_validate(
        {"owner": owner, "status": result.status, "result": result.model_dump(mode="json"), "run_id": run_id}
    )


def result_of(record: OrderRecord) -> OrderResult | None:
    """How an order ended, if it has."""
    if record.ending is None:
        return None
    known = {"order_id": record.order_id, "amount": record.amount, "currency": record.currency}
    return OrderResult.model_validate(known | record.ending.result)


def summary_of(entry: OrderEntry) -> OrderSummary:
    """An order as a list shows it."""
    status = OrderStatus.PROCESSING if entry.status is OrderStatus.PENDING else entry.status
    return OrderSummary(
        order_id=entry.order_id,
        status=status,
        started_at=entry.accepted_at,
        closed_at=entry.ended_at,
        customer_id=entry.customer_id,
        amount=entry.amount,
        currency=entry.currency,
        tracking_number=entry.tracking_number,
        refusal=entry.refusal,
        error=entry.error,
    )


def read_order(record: OrderRecord) -> OrderInput:
    """The order's content. Raises InvalidOrder if this version cannot read it."""
    order = OrderInput.model_validate(record.order, context=STORED, extra="ignore")
    if isinstance(order, UnreadOrder):
        raise order.problem
    return order


def order_of_record(record: OrderRecord) -> OrderInput | None:
    """The order's content, or None if this version cannot read it."""
    try:
        return read_order(record)
    except InvalidOrder:
        return None


def run_of(ending: Ending) -> str:
    """The id of the run that ended an order, whether on the fast path or later."""
    return ending.run_id.removesuffix(AHEAD)


def view_of(record: OrderRecord) -> OrderView:
    """Everything known about an order without asking its run: how it ended, or the last report."""
    result = result_of(record)
    known = {} if result is None else result.model_dump(include=_KNOWN)
    steps = [_ended_step(step, record) for step in result.steps] if result else _waiting_steps(record)
    view = OrderView.model_validate(
        known
        | {
            "order_id": record.order_id,
            "status": record.status,
            "amount": record.amount,
            "currency": record.currency,
            "steps": steps,
            "timeline": _timeline(record),
        }
    )
    return _with_refund_decisions(_with_mail_decisions(view, record), record)


_KNOWN = {"tracking_number", "error", "refusal", "cancel_reason", "decisions"}


def _ended_step(step: StepOutcome, record: OrderRecord) -> StepStatus:
    """A step of an order that has ended, including whether a person's decision was about its undo."""
    decided = [each.undoing for each in record.decisions if each.step == step.name]
    return StepStatus(**step.model_dump(), undoing=bool(decided and decided[-1]))


def _has_unsent_mail(view: OrderView) -> bool:
    """Whether the order's run could not send its email."""
    return any(map(_is_unsent, view.steps))


def _with_mail_decisions(view: OrderView, record: OrderRecord) -> OrderView:
    """The view of an order that ended without its email, with the decisions and actions since."""
    if record.ending is None or not _has_unsent_mail(view):
        return view
    later, tried = _since_its_end(record, CONFIRM.name)
    changes: dict[str, object] = {}
    if tried is not None:
        changes = {"attempts": tried.attempts, "last_error": tried.error}
    elif later and record.attention is None:
        changes = {"state": _MAIL_STATES.get(later[-1].choice, StepState.GAVE_UP)}
    return _changed(view, CONFIRM.name, changes, later)


def _with_refund_decisions(view: OrderView, record: OrderRecord) -> OrderView:
    """The view of an order whose refund failed after its end, with the decisions and actions since."""
    later, waits = _since_its_end(record, CHARGE.name)
    changes: dict[str, object] = {}
    if waits is not None:
        tried = {"undo_attempts": waits.attempts, "last_error": waits.error}
        changes = {"state": StepState.PARKED, "undoing": True, **tried}
    elif later:
        changes = {"state": _REFUND_STATES.get(later[-1].choice, StepState.UNDONE), "undoing": True}
    return _changed(view, CHARGE.name, changes, later)


def _since_its_end(record: OrderRecord, step: str) -> tuple[list[DecisionRecord], AttentionStep | None]:
    """The decisions on a step since the order ended, and what waits on it now."""
    if record.ending is None:
        return [], None
    ended_by = run_of(record.ending)
    later = [each for each in record.decisions if each.step == step and each.run_id != ended_by]
    waits = record.attention.steps if record.attention else []
    return later, next((each for each in waits if each.step == step), None)


def _changed(view: OrderView, step: str, changes: dict[str, object], later: list[DecisionRecord]) -> OrderView:
    entries = [DecisionEntry(**each.model_dump(include=set(DecisionEntry.model_fields))) for each in later]
    steps = [each.model_copy(update=changes) if each.name == step else each for each in view.steps]
    return view.model_copy(update={"decisions": [*view.decisions, *entries], "steps": steps})


_MAIL_STATES: dict[str, StepState] = {
    Choice.RETRY: StepState.DONE,
    Choice.DONE_BY_HAND: StepState.DONE_BY_HAND,
    Choice.WRITE_OFF: StepState.WRITTEN_OFF,
}
"""The state of an email's step after each decision that ends the waiting."""
_REFUND_STATES = _MAIL_STATES | {Choice.RETRY: StepState.UNDONE}
"""The same for a refund."""


def _is_unsent(step: StepStatus) -> bool:
    return step.name == CONFIRM.name and step.state == StepState.GAVE_UP


def _waiting_steps(record: OrderRecord) -> list[StepStatus]:
    """The steps that a run has reported as waiting. Nobody can decide on them here."""
    ids = {step.name: step.effect_id(record.order_id) for step in ORDER_SAGA.steps}
    return [
        StepStatus(
            name=step.step,
            id=ids.get(step.step, ""),
            state=StepState.PARKED,
            undoing=step.undoing,
            **{"undo_attempts" if step.undoing else "attempts": step.attempts},
            last_error=step.error,
        )
        for step in (record.attention.steps if record.attention else [])
    ]


def _timeline(record: OrderRecord) -> list[TimelineEntry]:
    """The events of the run that ended the order or, if the order has not ended, of all its runs."""
    ended_by = record.ending.run_id if record.ending else None
    placed = TimelineEntry(at=record.accepted_at, kind="placed")
    told = [
        TimelineEntry.model_validate({**event.data, "at": event.at, "kind": event.kind})
        for event in record.events
        if not (event.run_id or "").endswith(AHEAD) or event.run_id == ended_by
    ]
    ended = [TimelineEntry(at=record.ended_at, kind="ended", state=record.status)] if record.ended_at else []
    return [placed, *told, *ended]
